"""One training over two processes, as `accelerate launch` starts them: the steps of one, written and said by one."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError
from venire.engine import Base
from venire.training import processes
from venire.training.candidates import Candidate, list_candidates
from venire.training.progress import DONE
from venire.training.recipe import Recipe
from venire.training.run import train

MakeRecipe = Callable[..., Recipe]
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
LAUNCH += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
SCRIPT = """
import json, sys
from pathlib import Path
from venire._common.errors import VenireError
from venire.engine import resolve_base
from venire.training import processes
from venire.training.recipe import Recipe
from venire.training.run import train
recipes, out, base = json.loads(sys.argv[1]), Path(sys.argv[2]), resolve_base(sys.argv[3])
say = (lambda line: print(line, flush=True)) if processes.first() else (lambda _: None)
try:
    for recipe in recipes:
        train(Recipe.model_validate(recipe), out, lock_sha256="a", base=base, device="cpu", price=3.6, progress=say)
except VenireError as error:
    sys.exit(f"venire: {error}")
"""


@pytest.fixture
def launch(byte_base: Base, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start `train` of some recipes over two processes."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def start(recipes: list[Recipe], out: Path) -> subprocess.Popen[str]:
        given = json.dumps([recipe.model_dump(mode="json", exclude_unset=True) for recipe in recipes])
        return subprocess.Popen(
            [*LAUNCH, str(script), given, str(out), byte_base.name],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def weights(found: list[Candidate]) -> list[bytes]:
    return [(candidate.path / "adapter_model.safetensors").read_bytes() for candidate in found]


def losses(out: Path, recipe: Recipe) -> dict[tuple[int, str], float]:
    lines = [json.loads(line) for line in (out / "train" / recipe.name / "metrics.jsonl").open()]
    return {(line["step"], key): line[key] for line in lines for key in ("loss", "eval_loss") if key in line}


def without_dropout(make: MakeRecipe, method: str, **changes: Any) -> Recipe:
    return make(method, lora={"r": 4, "alpha": 8, "targets": ["q_proj", "v_proj"]}, **changes)


def test_two_processes_take_the_steps_of_one_and_one_of_them_writes(
    launch: Callable[..., subprocess.Popen[str]], small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    weighted = without_dropout(small_recipe, "sft", accumulation=2, batch=2, group_by_length=True, held_out=1 / 3)
    rows = [json.loads(line) for line in Path(weighted.data).read_text().splitlines()]
    rows[0]["weight"] = 3.0
    Path(weighted.data).write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipes = [weighted, without_dropout(small_recipe, "dpo")]
    process = launch(recipes, tmp_path / "two")
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    for recipe in recipes:
        options: dict[str, Any] = {"lock_sha256": "a", "base": byte_base, "device": "cpu", "price": 3.6}
        alone = train(recipe, tmp_path / "one", progress=lambda _: None, **options)
        together = list_candidates(tmp_path / "two" / "candidates", recipe.name)
        assert [c.name for c in together] == [c.name for c in alone]
        assert losses(tmp_path / "two", recipe) == pytest.approx(losses(tmp_path / "one", recipe), rel=1e-3)
        assert said.count(f"candidate {together[-1].name}") == 1  # one of them speaks
        lineage = together[-1].lineage
        assert lineage["processes"] == 2 and lineage["recipe"] == alone[-1].lineage["recipe"]
        assert lineage["cost_usd"] == pytest.approx(lineage["seconds"] / 1000 * 2, abs=1e-4)  # two devices are paid
    assert [line["step"] for line in map(json.loads, (tmp_path / "two/train/tiny_dpo/metrics.jsonl").open())] == [
        *range(1, 7)
    ]


def test_killed_it_goes_on_to_the_same_bytes_over_as_many_processes_alone(
    launch: Callable[..., subprocess.Popen[str]], small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    import psutil

    recipe = small_recipe(epochs=60, checkpoint_every=60)  # with dropout: every process has a random state of its own
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    process = launch([recipe], whole)
    assert process.communicate(timeout=300) and process.returncode == 0
    process = launch([recipe], broken)
    state = broken / "train/tiny_sft/checkpoint-60"
    while not (state / DONE).exists() and process.poll() is None:
        time.sleep(0.01)
    for worker in [*psutil.Process(process.pid).children(recursive=True), process]:
        worker.kill()
    process.communicate(timeout=60)
    assert len(list_candidates(broken / "candidates")) < 3
    with pytest.raises(InputError, match="was begun over 2 processes, and goes on over as many"):
        train(recipe, broken, lock_sha256="a", base=byte_base, device="cpu", progress=lambda _: None)
    # killed between the candidate and the state: it begins anew, and still over as many, or the two would not agree
    shutil.copytree(broken, tmp_path / "torn")
    for folder in (tmp_path / "torn/train/tiny_sft").glob("checkpoint-*"):
        (folder / DONE).unlink(missing_ok=True)
    with pytest.raises(InputError, match="was begun over 2 processes, and goes on over as many"):
        train(recipe, tmp_path / "torn", lock_sha256="a", base=byte_base, device="cpu", progress=lambda _: None)
    process = launch([recipe], broken)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert re.search(r"tiny_sft: going on after step (60|120)", said)
    assert weights(list_candidates(broken / "candidates")) == weights(list_candidates(whole / "candidates"))


def test_rows_that_do_not_divide_are_one_sentence(
    launch: Callable[..., subprocess.Popen[str]], small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    process = launch([small_recipe(batch=3)], tmp_path / "run")
    said, _ = process.communicate(timeout=300)
    assert process.returncode != 0
    assert said.count("batch 3 × accumulation 1 do not divide among 2 processes") == 1
    assert "[rank1]" not in said  # the other one goes without a word
    assert not list((tmp_path / "run").glob("candidates/*"))


def test_the_share_of_a_process_keeps_the_rows_of_a_step(small_recipe: MakeRecipe) -> None:
    recipe = small_recipe(batch=4, accumulation=6)
    shares = {n: recipe.among(n) for n in (1, 2, 3, 4, 8, 12)}
    assert {n: (share.batch, share.accumulation) for n, share in shares.items()} == {
        1: (4, 6),
        2: (4, 3),
        3: (4, 2),
        4: (2, 3),
        8: (1, 3),
        12: (2, 1),
    }
    with pytest.raises(InputError, match="do not divide among 5 processes; launch another number"):
        recipe.among(5)
    with pytest.raises(InputError, match="do not divide among 2 processes, two rows each"):
        small_recipe("kto", batch=2).among(2)


def test_what_one_process_does_is_refused_under_a_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    processes.only_one("venire run")
    monkeypatch.setenv("WORLD_SIZE", "2")
    processes.only_one("venire run")  # a scheduler's variable alone is no launcher
    monkeypatch.setenv("RANK", "1")
    assert (processes.count(), processes.first()) == (2, False)
    with pytest.raises(InputError, match="2 processes would each do all of it"):
        processes.only_one("venire run")
