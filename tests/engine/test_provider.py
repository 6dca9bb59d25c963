"""The Inspect provider: right usage, seeds per (sample, epoch), logs and caches that know the adapter."""

from pathlib import Path

import anyio
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import CachePolicy, GenerateConfig, get_model
from inspect_ai.solver import generate

from venire._common.errors import InputError
from venire.engine import Base, choice_logprobs, encode_prompt, load_tokenizer, loglikelihoods, register_adapter


def test_usage_and_stop_reason_are_counted_not_padded(tiny_base: Base) -> None:
    async def ask() -> None:
        model = get_model(f"venire/{tiny_base.name}")
        empty = len(encode_prompt(load_tokenizer(tiny_base), [{"role": "user", "content": ""}]))
        outputs = []

        async def one(text: str) -> None:
            outputs.append((text, await model.generate(text, config=GenerateConfig(max_tokens=4))))

        async with anyio.create_task_group() as group:
            for text in ("Hi", "A much longer question than the other one, to be padded against"):
                group.start_soon(one, text)
        for text, output in outputs:
            assert output.usage is not None
            assert output.usage.output_tokens == 4
            assert output.stop_reason == "max_tokens"
            assert output.usage.input_tokens == empty + await model.api.count_text_tokens(text)
        by_text = {text: output.usage.input_tokens for text, output in outputs if output.usage}
        assert len(set(by_text.values())) == 2

    anyio.run(ask)


def test_the_event_loop_is_not_blocked_while_the_engine_works(tiny_base: Base) -> None:
    async def ask() -> int:
        model = get_model(f"venire/{tiny_base.name}")
        await model.generate("Hi", config=GenerateConfig(max_tokens=2))
        ticks, stop = 0, anyio.Event()

        async def tick() -> None:
            nonlocal ticks
            while not stop.is_set():
                await anyio.sleep(0.001)
                ticks += 1

        async with anyio.create_task_group() as group:
            group.start_soon(tick)
            await model.generate("Tell me a story", config=GenerateConfig(max_tokens=150))
            stop.set()
        return ticks

    assert anyio.run(ask) > 5


def test_seeds_hold_per_sample_and_epoch(tiny_base: Base, tmp_path: Path) -> None:
    def run(folder: str) -> dict[tuple[object, int], str]:
        task = Task(
            dataset=[Sample(input="Hi", id="a"), Sample(input="Hi", id="b")],
            solver=generate(),
            epochs=2,
            config=GenerateConfig(temperature=1.0, max_tokens=8, seed=7),
        )
        log = eval(task, model=f"venire/{tiny_base.name}", log_dir=str(tmp_path / folder), display="none")[0]
        assert log.status == "success", log.error
        return {(s.id, s.epoch): s.output.completion for s in log.samples or []}

    first, second = run("one"), run("two")
    assert first == second
    assert len(set(first.values())) == 4


def test_adapters_never_meet_each_others_cache(tiny_base: Base, tiny_adapters: list[Path]) -> None:
    refs = [register_adapter("same-name", path, tiny_base) for path in tiny_adapters[:2]]
    config = GenerateConfig(max_tokens=8)

    async def ask() -> list[str]:
        policy = CachePolicy(expiry=None)
        models = [get_model(ref.model) for ref in refs]
        return [(await m.generate("Hi", config=config, cache=policy)).completion for m in models + models]

    answers = anyio.run(ask)
    assert answers[:2] == answers[2:]
    assert answers[0] != answers[1]


def test_loglikelihoods_are_sums_over_the_continuation(tiny_base: Base, tiny_adapters: list[Path]) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(str(tiny_base.path))
    tokenizer = load_tokenizer(tiny_base)
    chat = [{"role": "user", "content": "Which way?"}]
    tails = ["left", "to the right, I think", "up"]
    expected = []
    for tail in tails:
        prompt, more = encode_prompt(tokenizer, chat), tokenizer(tail, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logs = model(torch.tensor([prompt + more])).logits[0].log_softmax(-1)
        expected.append(sum(float(logs[len(prompt) - 1 + i, t]) for i, t in enumerate(more)))
    got = loglikelihoods(f"venire/{tiny_base.name}", [(chat, tail) for tail in tails])
    assert [g.logprob for g in got] == pytest.approx(expected, abs=1e-3)
    table = choice_logprobs(f"venire/{tiny_base.name}", [chat, chat], tails)
    assert table.shape == (2, 3)
    assert table[1].tolist() == pytest.approx(expected, abs=1e-3)
    ref = register_adapter("a", tiny_adapters[0], tiny_base)
    assert abs(loglikelihoods(ref.model, [(chat, "left")])[0].logprob - expected[0]) > 1e-3


def test_wrong_use_is_refused_in_a_sentence(tiny_base: Base) -> None:
    with pytest.raises(InputError, match="unknown model argument"):
        get_model(f"venire/{tiny_base.name}", model_path="x")
    with pytest.raises(InputError, match="not known here"):
        get_model(f"venire/{tiny_base.name}:nobody@00000000")
    with pytest.raises(InputError, match="empty text"):
        loglikelihoods(f"venire/{tiny_base.name}", [([{"role": "user", "content": "x"}], "")])
    with pytest.raises(InputError, match="log-likelihoods are read from venire/"):
        loglikelihoods("openai/gpt-4o", [([{"role": "user", "content": "x"}], "y")])
