"""What the methods compute: a weight is as many showings, ORPO and KTO learn from pairs, full weights are a model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError
from venire.engine import Base, adapter_sha256, load_tokenizer
from venire.training.candidates import Candidate
from venire.training.recipe import Recipe
from venire.training.run import train
from venire.training.tokens import columns, kto_columns
from venire.training.trainers import Plan, like_lengths, make_trainer

MakeRecipe = Callable[..., Recipe]


def quietly(recipe: Recipe, out: Path, base: Base, **more: Any) -> list[Candidate]:
    return train(recipe, out, lock_sha256="a" * 64, base=base, device="cpu", progress=lambda _: None, **more)


def logged(out: Path, recipe: Recipe) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "train" / recipe.run_name / "metrics.jsonl").open()]


def rewritten(recipe: Recipe, rows: list[dict[str, Any]]) -> Recipe:
    Path(recipe.data).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return recipe


def gradient(recipe: Recipe, base: Base, work: Path, shown: list[list[int]]) -> list[Any]:
    """The gradient of one step that is shown these rows, a list a batch."""
    made = columns(load_tokenizer(base), recipe.load().train, recipe, 256)
    trainer = make_trainer(recipe, made, None, base, Plan(work, "cpu", 6, 1))
    trainer.model.train()
    rows = trainer.train_dataset
    trainer._set_signature_columns_if_needed()
    wanted = [name for name in rows.column_names if name in trainer._signature_columns]
    batches = [trainer.data_collator([{k: rows[i][k] for k in wanted} for i in batch]) for batch in shown]
    samples, items = trainer.get_batch_samples(iter(batches), len(batches), trainer.args.device)
    trainer.current_gradient_accumulation_steps = len(samples)
    for inputs in samples:
        trainer.training_step(trainer.model, inputs, items)
    return [p.grad.clone() for p in trainer.model.parameters() if p.grad is not None]


@pytest.mark.parametrize("method", ["sft", "dpo"])
@pytest.mark.parametrize("accumulation", [1, 2])
def test_doubling_a_weight_has_the_gradient_of_showing_the_row_twice(
    method: str, accumulation: int, small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    import torch

    # No dropout, and lora_B is zero at first: lora_B's gradients are those that count.
    lora = {"r": 4, "alpha": 8, "targets": ["q_proj", "v_proj"]}
    recipe = small_recipe(method, lora=lora, accumulation=accumulation)
    rows = [json.loads(line) for line in Path(recipe.data).read_text().splitlines()][:4]
    rows[1 if method == "sft" else 2][("messages" if method == "sft" else "chosen")][-1]["content"] += " And then more."
    rewritten(recipe, rows)
    twice = [[0, 1, 1], [2, 3, 3]] if accumulation == 2 else [[0, 1, 1, 2, 3, 3]]
    once = [[0, 1], [2, 3]] if accumulation == 2 else [[0, 1, 2, 3]]
    shown = gradient(recipe, byte_base, tmp_path / "shown", twice)
    plain = gradient(recipe, byte_base, tmp_path / "plain", once)
    rows[1]["weight"] = rows[3]["weight"] = 2.0
    weighted = gradient(rewritten(recipe, rows), byte_base, tmp_path / "weighted", once)
    assert all(torch.allclose(a, b, atol=1e-7, rtol=1e-4) for a, b in zip(weighted, shown, strict=True))
    assert not all(torch.allclose(a, b, atol=1e-7, rtol=1e-4) for a, b in zip(weighted, plain, strict=True))


def test_weights_that_are_all_alike_change_nothing(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    import torch

    recipe = small_recipe()
    rows = [json.loads(line) for line in Path(recipe.data).read_text().splitlines()]
    plain = gradient(recipe, byte_base, tmp_path / "plain", [[0, 1, 2]])
    weighted = rewritten(recipe, [row | {"weight": 3.0} for row in rows])
    found = gradient(weighted, byte_base, tmp_path / "weighted", [[0, 1, 2]])
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-8) for a, b in zip(found, plain, strict=True))


@pytest.mark.parametrize("method", ["kto", "orpo"])
def test_a_weight_is_refused_where_the_method_knows_none(
    method: str, small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    recipe = small_recipe(method)
    rows = [json.loads(line) for line in Path(recipe.data).read_text().splitlines()]
    with pytest.raises(InputError, match=rf"{method}\.jsonl, row 3: weight 2; method {method} weighs no rows"):
        quietly(rewritten(recipe, [*rows[:2], rows[2] | {"weight": 2}]), tmp_path, byte_base)


def test_a_weighted_training_runs_and_logs_the_plain_loss(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    recipe = small_recipe()
    plain = quietly(recipe, tmp_path / "plain", byte_base)
    rows = [json.loads(line) for line in Path(recipe.data).read_text().splitlines()]
    heavy = rewritten(recipe, [row | {"weight": 1.0 + i} for i, row in enumerate(rows)])
    found = quietly(heavy, tmp_path / "heavy", byte_base)
    assert logged(tmp_path / "heavy", heavy)[0]["loss"] == pytest.approx(logged(tmp_path / "plain", recipe)[0]["loss"])
    assert found[-1].sha256 != plain[-1].sha256


@pytest.mark.parametrize("method", ["kto", "orpo"])
def test_pairs_are_learned_without_a_prompt_in_the_loss(
    method: str, small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    recipe = small_recipe(method, held_out=0.25, epochs=8, beta=2.0)
    found = quietly(recipe, tmp_path, byte_base)
    lines = logged(tmp_path, recipe)
    measured = [line for line in lines if "eval_loss" in line]
    assert measured[-1]["eval_loss"] < measured[0]["eval_loss"]
    assert found[-1].step == recipe.steps(9)
    if method == "orpo":
        assert measured[-1]["eval_rewards/accuracies"] == 1.0


def test_orpo_s_loss_is_the_paper_s(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    """-log P(chosen) a token, minus beta log sigmoid of the log odds ratio; computed here from the full logits."""
    import torch

    recipe = small_recipe("orpo", beta=0.5)
    made = columns(load_tokenizer(byte_base), recipe.load().train, recipe, 256)
    trainer = make_trainer(recipe, made, None, byte_base, Plan(tmp_path, "cpu", 6, 1))
    trainer.model.eval()
    batch = trainer.data_collator([trainer.train_dataset[i] for i in range(3)])
    with torch.no_grad():
        logits = trainer.model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1].double()
        mask = batch["completion_mask"][:, 1:]
        picked = logits.log_softmax(-1).gather(-1, batch["input_ids"][:, 1:, None])[..., 0] * mask
        mean = picked.sum(1) / mask.sum(1)
        odds = mean - torch.log1p(-mean.exp())
        ratio = torch.nn.functional.logsigmoid(odds[:3] - odds[3:])
        wanted = -picked[:3].sum() / mask[:3].sum() - 0.5 * ratio.mean()
        assert trainer.compute_loss(trainer.model, batch).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_kto_s_mismatched_answers_are_to_other_prompts_and_sides_alternate() -> None:
    n = 7
    pairs = {"prompt_ids": [[i] for i in range(n)], "chosen_ids": [[10 + i] for i in range(n)]}
    made = kto_columns(pairs | {"rejected_ids": [[20 + i] for i in range(n)]}, batch=4, seed=1)
    assert sorted(made["completion_ids"]) == [[k + i] for k in (10, 20) for i in range(n)]
    assert sum(made["label"]) == n
    assert all(a[0] == 10 + p[0] if wanted else a[0] == 20 + p[0] for p, a, wanted in _rows(made))
    other = [kl[0] % 10 != p[0] for p, kl in zip(made["prompt_ids"], made["KL_completion_ids"], strict=True)]
    assert sum(other) >= 2 * n - 1  # the last batch may be a row alone


def _rows(made: dict[str, list[Any]]) -> Any:
    return zip(made["prompt_ids"], made["completion_ids"], made["label"], strict=True)


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_full_weights_are_a_model_of_their_own(
    method: str, small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    values = small_recipe(method).model_dump(exclude_unset=True, exclude={"lora"})
    recipe = Recipe.model_validate(values | {"weights": "full", "learning_rate": 1e-3, "held_out": 0.25})
    found = quietly(recipe, tmp_path, byte_base)
    best = next(c for c in found if "best" in c.lineage["roles"])
    assert {c.step for c in found} == {best.step, recipe.steps(9)}  # of three checkpoints, best and final stay
    final = found[-1]
    assert final.kind == "full" and final.sha256 == adapter_sha256(final.path)
    assert not [file for file in final.path.iterdir() if file.suffix in (".pt", ".bin", ".pth", ".pkl")]
    assert load_tokenizer(Base("x", "x", "r", final.path, "x")).chat_template  # served by the same template
    model = AutoModelForCausalLM.from_pretrained(str(final.path))
    assert final.lineage["trainable_parameters"] == sum(p.numel() for p in model.parameters())
    before = AutoModelForCausalLM.from_pretrained(str(byte_base.path))
    assert not torch.equal(model.lm_head.weight, before.lm_head.weight)
    if method == "dpo":
        assert logged(tmp_path, recipe)[0]["loss"] == pytest.approx(0.6931, abs=1e-3)  # a real reference: the base


def test_training_goes_on_from_a_parent_and_says_so(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    first = quietly(small_recipe(), tmp_path / "first", byte_base)[-1]
    values = small_recipe("dpo").model_dump(exclude_unset=True) | {"parent": str(first.path)}
    longer = Recipe.model_validate(values)
    found = quietly(longer, tmp_path / "longer", byte_base)[-1]
    assert found.lineage["parent"] == {"name": first.name, "sha256": first.sha256, "step": first.step}
    start = logged(tmp_path / "longer", longer)[0]
    assert start["loss"] == pytest.approx(0.6931, abs=1e-3)  # the reference is the parent
    apart = quietly(small_recipe("dpo"), tmp_path / "apart", byte_base)[-1]
    assert found.sha256 != apart.sha256
    shape = values | {"lora": {"r": 8, "alpha": 8, "targets": ["q_proj", "v_proj"]}}
    with pytest.raises(InputError, match=r"has lora \{r: 4, alpha: 8\}, and the recipe asks for \{r: 8"):
        quietly(Recipe.model_validate(shape | {"name": "other"}), tmp_path / "shape", byte_base)


def test_like_lengths_share_a_batch_in_an_order_that_seed_and_epoch_settle() -> None:
    lengths = [(i * 37) % 100 for i in range(50)]
    sampler = like_lengths(lengths, step_rows=4, batch=4, seed=3)
    first = list(sampler)
    assert sorted(first) == list(range(50)) and list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first
    spread = [max(b) - min(b) for b in ([lengths[r] for r in first[i : i + 4]] for i in range(0, 48, 4))]
    assert sum(spread) / len(spread) < 20


@pytest.mark.parametrize("changes", [{"group_by_length": True}, {"held_out": 0.25, "evaluate_every": 1}])
def test_a_training_with_more_to_do_resumes_to_the_same_bytes_too(
    changes: dict[str, Any],
    small_recipe: MakeRecipe,
    byte_base: Base,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from venire.training import run

    recipe = small_recipe("dpo", epochs=4, checkpoint_every=3, **changes)
    whole = quietly(recipe, tmp_path / "whole", byte_base)
    write = run.write_candidate

    def killed(weights: Path, folder: Path, lineage: dict[str, Any]) -> Any:
        if lineage["step"] == whole[-1].step:
            raise KeyboardInterrupt
        return write(weights, folder, lineage)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(run, "write_candidate", killed)
        quietly(recipe, tmp_path / "broken", byte_base)
    resumed = quietly(recipe, tmp_path / "broken", byte_base)
    assert [c.sha256 for c in resumed] == [c.sha256 for c in whole]
    assert [c.lineage["metrics"] for c in resumed] == [c.lineage["metrics"] for c in whole]
