"""Sizes are computed from the model's own configuration, and agree with what PEFT and the disk say."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from venire._common.errors import InputError
from venire.engine import Base, load_tokenizer, resolve_base
from venire.training import estimate as estimates
from venire.training.estimate import Work, check_memory, estimate, parameters
from venire.training.recipe import Recipe, load_recipe
from venire.training.tokens import columns, lengths

LONG = Work(67, 2048, 400.0)
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]


def qwen2_7b() -> object:
    from transformers import Qwen2Config

    return Qwen2Config(
        vocab_size=152064,
        hidden_size=3584,
        intermediate_size=18944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        tie_word_embeddings=False,
    )


def test_rank_64_on_the_attention_of_qwen_7b(small_recipe: Callable[..., Recipe]) -> None:
    total, trained = parameters(qwen2_7b(), small_recipe(lora={"r": 64, "targets": ATTENTION}))
    assert trained == 40_370_176  # 28 layers × 64 × (7168 + 4096 + 4096 + 7168); 33,554,432 was once reported
    assert total == 7_615_616_512


def test_rank_8_on_all_linear_layers_of_qwen_half_a_billion(small_recipe: Callable[..., Recipe]) -> None:
    from transformers import Qwen2Config

    config = Qwen2Config(
        vocab_size=151936,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    assert parameters(config, small_recipe(lora={"r": 8}))[1] == 4_399_104


def test_the_estimate_agrees_with_the_training(
    small_recipe: Callable[..., Recipe], byte_base: Base, tmp_path: Path
) -> None:
    from transformers import AutoConfig

    from venire.training.run import train

    recipe = small_recipe(checkpoint_every=0)
    need = estimate(recipe, AutoConfig.from_pretrained(str(byte_base.path)), Work(6, 100, 90.0), "cpu")
    made = train(recipe, tmp_path, lock_sha256="a", base=byte_base, device="cpu", progress=lambda _: None)[-1]
    assert need.steps == made.step
    assert need.trainable_parameters == made.lineage["trainable_parameters"]
    assert 0 <= made.lineage["adapter_bytes"] - need.candidate_bytes < 4096  # the file's header
    assert f"{need.trainable_parameters:,} of" in str(need)


def test_what_does_not_fit_is_refused_with_what_to_change(
    small_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small_recipe(
        lora={"r": 64, "alpha": 16, "targets": ATTENTION}, batch=8, max_length=2048, gradient_checkpointing=False
    )
    need = estimate(recipe, qwen2_7b(), LONG, "cpu", half=True)
    assert 15e9 < need.memory_bytes < 200e9
    less = recipe.model_copy(update={"gradient_checkpointing": True})
    assert estimate(less, qwen2_7b(), LONG, "cpu", half=True).memory_bytes < need.memory_bytes / 2
    monkeypatch.setattr(estimates, "available_bytes", lambda _: 8 * 10**9)
    with pytest.raises(InputError, match=r"8.0 GB are free; set batch: 4 and accumulation: 2, or gradient_check"):
        check_memory(recipe, need, "cpu")


def test_the_free_memory_of_this_machine_is_known() -> None:
    assert 2**28 < estimates.available_bytes("cpu") < 2**50


def test_time_grows_with_the_work_and_full_weights_take_more_of_both(small_recipe: Callable[..., Recipe]) -> None:
    recipe = small_recipe(lora={"targets": ATTENTION}, gradient_checkpointing=False)
    once = estimate(recipe, qwen2_7b(), Work(10, 512, 300.0), "cpu")
    twice = estimate(recipe, qwen2_7b(), Work(20, 512, 300.0), "cpu")
    assert twice.seconds == pytest.approx(2 * once.seconds)
    values = recipe.model_dump(exclude_unset=True, exclude={"lora"})
    full = estimate(Recipe.model_validate({**values, "weights": "full"}), qwen2_7b(), Work(10, 512, 300.0), "cpu")
    assert full.trainable_parameters == full.total_parameters
    assert full.memory_bytes > 2 * once.memory_bytes and full.seconds > 1.3 * once.seconds


def test_time_is_told_as_a_range_in_which_a_training_ended() -> None:
    need = estimates.Estimate(12, 100, 10, 1000, 10**9, 48.0, False)  # the one reckoned at 48 s took 85
    assert str(need).endswith("about 1.0 GB of memory and 34 s to 1 min 36 s")


def test_gradient_checkpointing_is_turned_on_only_where_memory_asks(
    small_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small_recipe(lora={"targets": ATTENTION}, batch=8)
    for free, wanted in ((10**13, False), (10**10, True)):
        monkeypatch.setattr(estimates, "available_bytes", lambda _, free=free: free)
        assert estimate(recipe, qwen2_7b(), LONG, "cpu", half=True).gradient_checkpointing is wanted


def test_the_memory_of_the_shipped_recipes_is_what_they_were_measured_to_take() -> None:
    """The figures of bench/training, which are the peak of the whole process over three steps on a CPU."""
    from transformers import AutoConfig

    home = Path(__file__).parents[2]
    measured = json.loads((home / "bench" / "training" / "results.json").read_text("utf-8"))["recipes"]
    base = resolve_base("smollm2-135m")
    tokenizer, config = load_tokenizer(base), AutoConfig.from_pretrained(str(base.path))
    for name in ("quickstart_sft", "quickstart_dpo", "style_small"):
        recipe = load_recipe(home / "training" / "recipes" / f"{name}.yaml").variants()[-1]
        found = lengths(columns(tokenizer, recipe.load().train, recipe, 8192))
        need = estimate(recipe, config, Work(3, max(found), sum(found) / len(found)), "cpu")
        assert 0.95 < need.memory_bytes / measured[name]["venire"]["peak_bytes"] < 1.5, name
