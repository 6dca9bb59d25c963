"""Training a tiny random base: candidates with lineage, the same bytes twice, resumed to the same bytes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError, VenireError
from venire._common.files import read_json
from venire.engine import Base, check_adapter, resolve_base
from venire.training.candidates import Candidate, list_candidates
from venire.training.progress import Metrics, describe
from venire.training.recipe import Recipe
from venire.training.run import train

MakeRecipe = Callable[..., Recipe]


def quietly(recipe: Recipe, out: Path, base: Base, **more: Any) -> list[Candidate]:
    return train(recipe, out, lock_sha256="a" * 64, base=base, device="cpu", progress=lambda _: None, **more)


def weights(candidate: Candidate) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in candidate.path.iterdir() if file.name != "lineage.json"}


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_every_checkpoint_is_a_candidate_that_knows_where_it_came_from(
    method: str, small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    recipe = small_recipe(method)
    found = quietly(recipe, tmp_path / "run", byte_base)
    assert [c.name for c in found] == [f"tiny_{method}-step{n}" for n in (2, 4, 6)]
    assert not list((tmp_path / "run/train" / recipe.name).glob("checkpoint-*"))  # all is done: nothing to resume
    assert len({c.sha256 for c in found}) == 3
    for candidate in found:
        assert sorted(weights(candidate)) == ["adapter_config.json", "adapter_model.safetensors"]
        check_adapter(candidate.path, byte_base)
        lineage = candidate.lineage
        assert lineage["base"]["revision"] == byte_base.revision
        assert lineage["recipe"] == {"name": recipe.name, "sha256": recipe.sha256}
        assert lineage["data"]["rows"] == 12
        assert lineage["trainable_parameters"] == 2 * 4 * ((32 + 32) + (32 + 16))  # layers × r × (q + v)
        assert lineage["adapter_bytes"] == (candidate.path / "adapter_model.safetensors").stat().st_size
        assert lineage["threads"] >= 1 and lineage["lock_sha256"] == "a" * 64
        assert lineage["metrics"]["loss"] > 0
        assert str(byte_base.path) not in (candidate.path / "adapter_config.json").read_text()
    logged = [json.loads(line) for line in (tmp_path / "run/train" / recipe.name / "metrics.jsonl").open()]
    assert [line["step"] for line in logged] == [1, 2, 3, 4, 5, 6]
    if method == "dpo":
        assert logged[0]["loss"] == pytest.approx(0.6931, abs=1e-3)  # the reference is the base: no margin yet
        assert logged[-1]["rewards/accuracies"] == 1.0


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    first = quietly(small_recipe(), tmp_path / "a", byte_base)
    again = quietly(small_recipe(), tmp_path / "b", byte_base)
    other = quietly(small_recipe(seed=43), tmp_path / "c", byte_base)
    assert [weights(c) for c in first] == [weights(c) for c in again]
    assert first[-1].sha256 != other[-1].sha256


KILLED = """
import sys
from pathlib import Path
from venire.engine import resolve_base
from venire.training.recipe import Recipe
from venire.training.run import train
recipe = Recipe.model_validate_json(sys.argv[1])
train(recipe, Path(sys.argv[2]), lock_sha256="a" * 64, base=resolve_base(sys.argv[3]), device="cpu")
"""


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_a_killed_training_ends_with_the_bytes_of_an_unbroken_one(
    method: str, small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    recipe = small_recipe(method, epochs=40, checkpoint_every=10)
    whole = quietly(recipe, tmp_path / "whole", byte_base)
    broken = tmp_path / "broken"
    env = {**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"}  # the order of sets must not reach the bytes
    command = [sys.executable, "-c", KILLED, recipe.model_dump_json(exclude_unset=True), str(broken), byte_base.name]
    child = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    second = broken / "candidates" / f"{recipe.name}-step20"
    while not second.exists() and child.poll() is None:
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert len(list_candidates(broken / "candidates")) < len(whole)
    shutil.copytree(second, broken / "candidates" / f".{second.name}.k2_x9z0a")  # as a kill before the rename leaves it
    resumed = quietly(recipe, broken, byte_base)
    assert not list((broken / "candidates").glob(".*"))
    assert [c.name for c in resumed] == [c.name for c in whole]
    assert [weights(c) for c in resumed] == [weights(c) for c in whole]
    steps = [
        [json.loads(line)["step"] for line in (out / "train" / recipe.name / "metrics.jsonl").open()]
        for out in (tmp_path / "whole", broken)
    ]
    assert steps[0] == steps[1] == list(range(1, recipe.steps(12) + 1))


def test_a_checkpoint_that_was_not_written_to_its_end_is_not_resumed_from(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    whole = quietly(small_recipe(), tmp_path / "run", byte_base)
    last = whole[-1]
    kept = weights(last)
    torn = tmp_path / "run/train/tiny_sft/checkpoint-4"
    torn.mkdir()
    (torn / "optimizer.pt").write_bytes(b"torn")
    for file in last.path.iterdir():
        file.unlink()
    last.path.rmdir()
    assert weights(quietly(small_recipe(), tmp_path / "run", byte_base)[-1]) == kept


def test_a_final_candidate_that_was_deleted_is_trained_again(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    last = quietly(small_recipe(), tmp_path, byte_base)[-1]
    kept = weights(last)
    shutil.rmtree(last.path)
    again = quietly(small_recipe(), tmp_path, byte_base)
    assert [c.step for c in again] == [2, 4, 6] and weights(again[-1]) == kept
    assert again[-1].lineage["roles"]["final"]


def test_what_is_finished_is_not_trained_again(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    first = quietly(small_recipe(), tmp_path, byte_base)
    before = [(c.path / "lineage.json").stat().st_mtime_ns for c in first]
    again = quietly(small_recipe(), tmp_path, byte_base)
    assert [(c.path / "lineage.json").stat().st_mtime_ns for c in again] == before


def test_a_recipe_changed_under_way_is_refused(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    quietly(small_recipe(), tmp_path, byte_base)
    with pytest.raises(InputError, match=r"begun in .* with another recipe"):
        quietly(small_recipe(learning_rate=0.02), tmp_path, byte_base)
    shutil.rmtree(tmp_path / "train")  # its candidates still say of what they were made
    with pytest.raises(InputError, match=r"begun in .* with another recipe"):
        quietly(small_recipe(learning_rate=0.02), tmp_path, byte_base)


def test_nothing_is_trained_without_a_lock(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    with pytest.raises(VenireError, match="frozen"):
        train(small_recipe(), tmp_path, lock_sha256="", base=byte_base)
    assert not (tmp_path / "train").exists()


def test_quick_trains_a_tenth(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    found = quietly(small_recipe(epochs=10), tmp_path, byte_base, quick=True)
    assert [c.step for c in found] == [2, 3]
    assert found[-1].lineage["quick"] is True


def test_what_quick_made_gives_way_to_the_real_training_and_not_the_other_way_round(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    def steps(quick: bool) -> list[int]:
        found = quietly(small_recipe(epochs=epochs), tmp_path, byte_base, quick=quick)
        assert {c.path.name for c in found} == {folder.name for folder in (tmp_path / "candidates").iterdir()}
        assert all(c.lineage["quick"] is quick for c in found)
        return [c.step for c in found]

    epochs = 10
    assert steps(quick=True) == [2, 3]
    epochs = 1  # the recipe is changed, and its last step is one that a quick candidate has
    assert steps(quick=False) == [2, 3]
    with pytest.raises(InputError, match=r"begun in full in .*: leave --quick out"):
        steps(quick=True)


def test_a_decision_on_quick_candidates_departs_from_the_plan(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    from venire.run import Contender
    from venire.stages.gate import shortened

    (quick,) = quietly(small_recipe(), tmp_path / "quick", byte_base, quick=True)
    whole = quietly(small_recipe(epochs=0.1), tmp_path / "whole", byte_base)[-1]
    one, other = (
        Contender(name, "m", "plain", "b", "adapter", c.sha256, "f", str(c.path))
        for name, c in (("quick/plain", quick), ("whole/plain", whole))
    )
    assert shortened([other]) == []
    assert shortened([other, one]) == ["training (with --quick, a tenth of the steps: quick/plain)"]


def test_a_loss_that_is_no_number_stops_the_training(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    with pytest.raises(VenireError, match="diverged; lower learning_rate"):
        quietly(small_recipe(learning_rate=1e30, clip=1e30, epochs=5), tmp_path, byte_base)


def test_a_device_that_is_not_there_is_refused(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one of auto"):
        train(small_recipe(), tmp_path, lock_sha256="a", base=byte_base, device="tpu", progress=lambda _: None)


def test_a_recipe_that_cannot_be_followed_is_refused_and_put_right_trains_in_the_same_folder(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"lora": {"targets": ["qq_proj", "v_proj"]}}, r"lora.targets: the base has no qq_proj; it has .*q_proj"),
        ({"lora": {"targets": ["q_proj", "lm_head"]}}, r"lora.targets: lm_head: an adapter on the head or"),
        ({"lora": {"targets": ["model.embed_tokens"]}}, r"targets: model.embed_tokens: an adapter on the"),
        ({"padding_free": True}, "padding_free needs a CUDA device and the package flash-attn"),
        ({"parent": "nowhere"}, "recipe 'tiny_sft', parent: candidate 'nowhere': no such folder"),
    )
    for changes, sentence in wrong:
        with pytest.raises(InputError, match=sentence):
            quietly(small_recipe(**changes), tmp_path / "run", byte_base)
    assert [c.step for c in quietly(small_recipe(), tmp_path / "run", byte_base)] == [2, 4, 6]


def test_a_row_longer_than_the_base_is_refused_with_its_row_and_without_it_trained(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    recipe = small_recipe(max_length=100_000)
    file = Path(recipe.data)
    long = {"messages": [{"role": "user", "content": "q " * 300}, {"role": "assistant", "content": "a"}]}
    right = file.read_text()
    file.write_text(right + json.dumps(long) + "\n")
    with pytest.raises(InputError, match=r"sft.jsonl, row 13: \d+ tokens, and the limit is 256"):
        quietly(recipe, tmp_path / "run", byte_base)
    assert not list((tmp_path / "run").glob("candidates/*"))
    file.write_text(right)
    assert quietly(recipe, tmp_path / "run", byte_base)[-1].lineage["data"]["rows"] == 12


def test_a_full_disk_says_what_to_do(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from venire.training import run

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run, "write_candidate", full)
    with pytest.raises(VenireError, match=r"disk of .* is full; make room"):
        quietly(small_recipe(), tmp_path / "disk", byte_base)


def test_an_exhausted_memory_goes_on_with_less_and_then_says_what_to_change(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from venire.training import run

    write = run.write_candidate

    def exhausted_at(step: int) -> None:
        def exhausted(weights: Path, folder: Path, lineage: dict[str, Any]) -> Candidate:
            if lineage["step"] == step:
                raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate")
            return write(weights, folder, lineage)

        monkeypatch.setattr(run, "write_candidate", exhausted)

    exhausted_at(4)
    with pytest.raises(VenireError, match="out of memory; run again: it goes on after the last checkpoint, with gradi"):
        quietly(small_recipe(), tmp_path / "run", byte_base)
    anew = "set batch: 2 and accumulation: 2, the same rows a step, under another name: it is trained anew, and candi"
    with pytest.raises(VenireError, match=anew):
        quietly(small_recipe(), tmp_path / "run", byte_base)
    exhausted_at(0)
    went_on = quietly(small_recipe(), tmp_path / "run", byte_base)
    assert read_json(tmp_path / "run/train/tiny_sft/begun.json")["gradient_checkpointing"] is True
    whole = quietly(small_recipe(), tmp_path / "whole", byte_base)
    assert [c.sha256 for c in went_on] == [c.sha256 for c in whole]


def test_an_exhausted_memory_before_the_first_candidate_lets_the_recipe_be_changed(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from venire.training import run

    def exhausted(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(run, "write_candidate", exhausted)
        with pytest.raises(VenireError, match=r"set batch: 2 and accumulation: 2, the same rows a step$"):
            quietly(small_recipe(gradient_checkpointing=True), tmp_path, byte_base)
    assert quietly(small_recipe(gradient_checkpointing=True, batch=2, accumulation=2), tmp_path, byte_base)


def test_metrics_logged_after_the_checkpoint_are_forgotten_and_a_torn_line_too(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics.jsonl")
    for step in (1, 2, 3):
        metrics.add({"step": step, "loss": 3.0 / step, "seconds": 0.5})
    with metrics.file.open("a") as out:
        out.write('{"step": 4, "lo')
    metrics.rewind(2)
    metrics.add({"step": 3, "loss": 9.0, "seconds": 1.5})
    assert [json.loads(line)["loss"] for line in metrics.file.open()] == [3.0, 1.5, 9.0]
    assert metrics.at(3) == {"loss": 9.0, "seconds": 2.5}


def test_progress_is_a_plain_line_with_an_estimate() -> None:
    assert describe("stance", 6, 24, 1.5, 10.0) == "stance: step 6/24, loss 1.500, 10.0 s a step, 3 min 00 s left"
    assert describe("stance", 24, 24, 1.5, 10.0).endswith(", done")


def test_the_base_and_its_adapters_resolve_from_what_was_begun(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    quietly(small_recipe(), tmp_path, byte_base)
    begun = read_json(tmp_path / "train/tiny_sft/begun.json")
    assert resolve_base(begun["base"]["name"]).revision == begun["base"]["revision"]
