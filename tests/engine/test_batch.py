"""The batch: every row is answered as if it were alone, whatever its company."""

from pathlib import Path

import pytest
import torch

from venire.engine import Base, encode_prompt, register_adapter
from venire.engine.batch import Batch, Row, Sampling

PROMPTS = ["Name a colour.", "What is the capital of France, and why do people like it so much?", "Hi", "Count to ten."]


def ask(batch: Batch, text: str) -> list[int]:
    return encode_prompt(batch.tokenizer, [{"role": "user", "content": text}])


def drain(batch: Batch) -> None:
    while batch.busy:
        batch.step()


def alone(batch: Batch, row: Row) -> list[int]:
    single = Row(row.prompt, row.sampling, row.adapter)
    batch.add(single)
    drain(batch)
    return single.tokens


def test_greedy_answers_are_those_of_transformers_generate(tiny_base: Base) -> None:
    batch = Batch(tiny_base, "cpu")
    for text in PROMPTS:
        prompt = torch.tensor([ask(batch, text)])
        expected = batch.model.generate(
            prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=12, do_sample=False
        )
        row = Row(prompt[0].tolist(), Sampling(max_tokens=12))
        batch.add(row)
        drain(batch)
        got = row.tokens + ([batch.tokenizer.eos_token_id] if row.reason == "stop" else [])
        assert got == expected[0, prompt.shape[1] :].tolist()


def test_a_mixed_batch_answers_as_each_adapter_alone(tiny_base: Base, tiny_adapters: list[Path]) -> None:
    batch = Batch(tiny_base, "cpu", max_rows=16)
    names = [batch.load_adapter(register_adapter(f"a{i}", p, tiny_base)) for i, p in enumerate(tiny_adapters[:5])]
    rows = [Row(ask(batch, text), Sampling(max_tokens=10), name) for text in PROMPTS for name in [*names, "__base__"]]
    for row in rows:
        batch.add(row)
    drain(batch)
    assert [row.tokens for row in rows] == [alone(batch, row) for row in rows]
    assert len({tuple(row.tokens) for row in rows[:6]}) == 6  # the adapters do differ


def test_rows_join_a_running_batch_and_leave_it(tiny_base: Base) -> None:
    batch = Batch(tiny_base, "cpu", max_rows=3)
    rows = [
        Row(ask(batch, text), Sampling(max_tokens=n))
        for text, n in zip(PROMPTS * 2, [3, 9, 5, 12, 1, 7, 4, 8], strict=True)
    ]
    for row in rows[:2]:
        batch.add(row)
    for _ in range(3):
        batch.step()
    for row in rows[2:]:
        batch.add(row)
    widest = 0
    while batch.busy:
        batch.step()
        widest = max(widest, len(batch.rows))
    assert widest == 3
    assert [row.tokens for row in rows] == [alone(batch, row) for row in rows]
    assert [len(row.tokens) for row in rows if row.reason == "max_tokens"] == [
        row.sampling.max_tokens for row in rows if row.reason == "max_tokens"
    ]


def test_twenty_adapters_take_the_memory_of_one_base_and_twenty_adapters(
    tiny_base: Base, tiny_adapters: list[Path]
) -> None:
    def held(model: torch.nn.Module) -> int:
        return sum({p.data_ptr(): p.numel() * p.element_size() for p in model.parameters()}.values())

    batch = Batch(tiny_base, "cpu")
    base = held(batch.model)
    for i, path in enumerate(tiny_adapters):
        batch.load_adapter(register_adapter(f"a{i}", path, tiny_base))
    one = (2 * 2 * 4 * 32 + 2 * 4 * (32 + 16)) * 4  # 2 layers × q and v: rank 4, 32 in, 32 and 16 out, four bytes
    assert held(batch.model) == base + 20 * one


def test_stop_reasons_and_counts(tiny_base: Base) -> None:
    batch = Batch(tiny_base, "cpu")
    prompt = ask(batch, "Hi")
    short = Row(prompt, Sampling(max_tokens=3))
    overlong = Row(prompt * 30, Sampling(max_tokens=3))
    batch.add(short)
    batch.add(overlong)
    drain(batch)
    assert (short.reason, len(short.tokens)) == ("max_tokens", 3)
    assert (overlong.reason, overlong.tokens) == ("model_length", [])
    batch.ends = {short.tokens[1]}
    ended = Row(prompt, Sampling(max_tokens=3))
    batch.add(ended)
    drain(batch)
    assert (ended.reason, ended.tokens) == ("stop", short.tokens[:1])


def test_a_stop_sequence_cuts_the_text_before_it(tiny_base: Base) -> None:
    batch = Batch(tiny_base, "cpu")
    free = Row(ask(batch, "Hi"), Sampling(max_tokens=8))
    batch.add(free)
    drain(batch)
    stop = batch.tokenizer.decode(free.tokens[4:5])
    row = Row(ask(batch, "Hi"), Sampling(max_tokens=8, stop=(stop,)))
    batch.add(row)
    drain(batch)
    assert row.reason == "stop"
    assert row.text == free.text[: free.text.find(stop)]


def test_sampling_depends_on_its_seed_alone(tiny_base: Base) -> None:
    batch = Batch(tiny_base, "cpu")

    def draw(seed: str, company: int) -> list[int]:
        rows = [Row(ask(batch, "Hi"), Sampling(max_tokens=6, temperature=1.0, seed=seed))]
        rows += [Row(ask(batch, PROMPTS[1]), Sampling(max_tokens=6)) for _ in range(company)]
        for row in rows:
            batch.add(row)
        drain(batch)
        return rows[0].tokens

    assert draw("1", 0) == draw("1", 3)
    assert draw("1", 0) != draw("2", 0)


def test_logprobs_are_those_of_the_sampled_tokens(tiny_base: Base) -> None:
    batch = Batch(tiny_base, "cpu")
    row = Row(ask(batch, "Hi"), Sampling(max_tokens=5, temperature=3.0, seed="s", logprobs=True, top_logprobs=2))
    batch.add(row)
    drain(batch)
    ids = torch.tensor([row.prompt + row.tokens])
    logs = batch.model(ids).logits[0].log_softmax(-1)
    expected = [float(logs[len(row.prompt) - 1 + i, token]) for i, token in enumerate(row.tokens)]
    assert [entry.logprob for entry in row.logprobs] == pytest.approx(expected, abs=1e-4)
    assert [entry.token for entry in row.logprobs] == row.tokens
    assert any(entry.logprob < entry.top[0][1] - 1e-6 for entry in row.logprobs)  # not always the likeliest


def test_a_cancelled_row_leaves_and_the_others_go_on(tiny_base: Base) -> None:
    batch = Batch(tiny_base, "cpu")
    rows = [Row(ask(batch, text), Sampling(max_tokens=6)) for text in PROMPTS]
    for row in rows:
        batch.add(row)
    batch.step()
    rows[1].cancelled = True
    drain(batch)
    assert rows[1].reason == ""
    assert [r.tokens for r in rows if not r.cancelled] == [alone(batch, r) for r in rows if not r.cancelled]
