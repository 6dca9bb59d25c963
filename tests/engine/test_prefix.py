"""What prompts begin with alike is computed once, and changes no answer and no score."""

from pathlib import Path

import pytest
import torch

from venire.engine import Base, loglikelihoods, register_adapter
from venire.engine.batch import BASE, Batch
from venire.engine.prefix import KEPT_TOKENS, SHORTEST, shared_length

RUBRIC = list(range(100, 140))


def test_the_shared_beginning_leaves_every_prompt_a_token_of_its_own() -> None:
    assert shared_length([[*RUBRIC, 1], [*RUBRIC, 2, 3]]) == len(RUBRIC)
    assert shared_length([RUBRIC, RUBRIC]) == len(RUBRIC) - 1
    assert shared_length([RUBRIC, [*RUBRIC, 1], RUBRIC[:20]]) == 19
    assert shared_length([[*RUBRIC[: SHORTEST - 1], 1], [*RUBRIC[: SHORTEST - 1], 2]]) == 0
    assert shared_length([RUBRIC]) == 0


@pytest.mark.parametrize("keep", [1, 5])
def test_logits_and_cache_are_those_of_rows_run_alone(tiny_base: Base, tiny_adapters: list[Path], keep: int) -> None:
    batch = Batch(tiny_base, "cpu")
    adapter = batch.load_adapter(register_adapter("a", tiny_adapters[0], tiny_base))
    prompts = [RUBRIC + list(range(200 + 20 * n, 200 + 21 * n)) for n in (9, 5, 7, 6)]
    adapters = [BASE, adapter, adapter, BASE]
    with torch.inference_mode():
        logits, cache = batch.prefill(prompts, adapters, keep)
        assert batch.prefixes._kept.keys() == {(BASE, tuple(RUBRIC)), (adapter, tuple(RUBRIC))}
        for i, prompt in enumerate(prompts):
            alone, own = batch.prefill([prompt], [adapters[i]], keep)
            torch.testing.assert_close(logits[i], alone[0], atol=1e-4, rtol=1e-4)
            for ours, theirs in zip(cache.layers, own.layers, strict=True):
                torch.testing.assert_close(ours.keys[i, :, -len(prompt) :], theirs.keys[0], atol=1e-4, rtol=1e-4)
                torch.testing.assert_close(ours.values[i, :, -len(prompt) :], theirs.values[0], atol=1e-4, rtol=1e-4)


def test_beginnings_are_forgotten_in_time(tiny_base: Base) -> None:
    batch = Batch(tiny_base, "cpu")
    with torch.inference_mode():
        for start in range(0, 3 * KEPT_TOKENS, 200):
            begun = [(start + i) % 40000 + 10 for i in range(200)]
            batch.prefill([[*begun, 1], [*begun, 2]], [BASE, BASE])
    assert sum(len(tokens) for _, tokens in batch.prefixes._kept) <= KEPT_TOKENS


def test_scores_do_not_depend_on_the_company(tiny_base: Base) -> None:
    chats = [[{"role": "user", "content": f"Tell me about number {n}, please."}] for n in range(6)]
    items = [(chat, text) for chat in chats for text in ("Certainly.", "No, I would rather not do that today.")]
    together = loglikelihoods(f"venire/{tiny_base.name}", items)
    alone = [loglikelihoods(f"venire/{tiny_base.name}", [item])[0] for item in items]
    assert [x.logprob for x in together] == pytest.approx([x.logprob for x in alone], abs=1e-3)
