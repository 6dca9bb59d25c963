"""On the real embedded model: a mixed batch gives each adapter's own answers, and template and tokens are one."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from venire.engine import encode_prompt, register_adapter, resolve_base
from venire.engine.batch import NEAR_TIE, Batch, Row, Sampling

pytestmark = pytest.mark.model

QUESTIONS = ["What is the capital of Italy?", "My brother lied to our mother. Should I tell her?", "Name three fruits."]


@pytest.fixture(scope="module")
def real_adapters(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("real")
    made = []
    for i in range(2):
        torch.manual_seed(i)
        model = AutoModelForCausalLM.from_pretrained(str(resolve_base("smollm2-135m").path))
        adapted = get_peft_model(model, LoraConfig(r=8, lora_alpha=8, target_modules=["q_proj", "v_proj"]))
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.12)
        adapted.save_pretrained(str(folder / f"a{i}"))
        made.append(folder / f"a{i}")
    return made


def test_a_mixed_batch_gives_the_tokens_of_single_runs(real_adapters: list[Path]) -> None:
    base = resolve_base("smollm2-135m")
    batch = Batch(base, "cpu")
    names = ["__base__"] + [
        batch.load_adapter(register_adapter(f"a{i}", path, base)) for i, path in enumerate(real_adapters)
    ]
    rows = []
    for text in QUESTIONS:
        prompt = encode_prompt(batch.tokenizer, [{"role": "user", "content": text}])
        rows += [Row(prompt, Sampling(max_tokens=16), name) for name in names]
    for row in rows:
        batch.add(row)
    while batch.busy:
        batch.step()
    excused = []
    for row in rows:
        single, gap = one_by_one(batch, row)
        if row.tokens != single:
            excused.append((row.adapter, gap))
    assert all(gap < NEAR_TIE for _, gap in excused), excused
    assert len({tuple(row.tokens) for row in rows}) > 2 * len(QUESTIONS)  # the adapters do differ


def one_by_one(batch: Batch, row: Row) -> tuple[list[int], float]:
    """Greedy tokens of this row alone, without batch or cache, and the smallest gap between its top two logits."""
    tokens: list[int] = []
    smallest = float("inf")
    with torch.inference_mode():
        while len(tokens) < row.sampling.max_tokens:
            ids = torch.tensor([row.prompt + tokens])
            logits = batch.forward(ids, torch.ones_like(ids), [row.adapter], use_cache=False)[0, -1]
            best = logits.topk(2)
            smallest = min(smallest, float(best.values[0] - best.values[1]))
            if int(best.indices[0]) in batch.ends:
                break
            tokens.append(int(best.indices[0]))
    return tokens, smallest


def test_the_embedded_model_answers_sensibly() -> None:
    batch = Batch(resolve_base("smollm2-135m"), "cpu")
    row = Row(
        encode_prompt(batch.tokenizer, [{"role": "user", "content": "What is the capital of France?"}]), Sampling(20)
    )
    batch.add(row)
    while batch.busy:
        batch.step()
    assert "Paris" in row.text
    assert row.reason == "stop"
