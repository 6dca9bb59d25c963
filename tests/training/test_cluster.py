"""A grid on a Ray cluster of two workers on this machine; one is killed on the way, and nothing is lost."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError, VenireError
from venire.engine import Base
from venire.training.recipe import Recipe
from venire.training.run import train

MakeRecipe = Callable[..., Recipe]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    pytest.importorskip("ray", reason="pip install 'venire[ray]'")
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    yield str(made.address)
    made.shutdown()


def kill_one_worker(out: Path, killed: list[int]) -> None:
    """SIGKILL the first process of Ray that is training, once a candidate is there."""
    import psutil

    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not list(out.glob("candidates/*/lineage.json")):
        time.sleep(0.05)
    for process in psutil.Process().children(recursive=True):
        if "ray::point" in " ".join(process.cmdline()) or process.name().startswith("ray::point"):
            os.kill(process.pid, signal.SIGKILL)
            killed.append(process.pid)
            return


def test_a_killed_worker_s_point_goes_on_elsewhere_to_the_same_weights(
    cluster: str, small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    recipe = small_recipe(epochs=60, checkpoint_every=30, grid={"seed": [1, 2]})
    told: list[str] = []
    quiet: dict[str, Any] = {"lock_sha256": "a", "base": byte_base, "device": "cpu", "progress": told.append}
    killed: list[int] = []
    killer = threading.Thread(target=kill_one_worker, args=(tmp_path / "ray", killed), daemon=True)
    killer.start()
    found = train(recipe, tmp_path / "ray", on=cluster, **quiet)
    assert killed, "no worker was training when it was to be killed"
    assert sum("done" in line for line in told) == 2
    here = train(recipe, tmp_path / "here", **quiet)
    assert [(c.name, c.sha256) for c in found] == [(c.name, c.sha256) for c in here]


def test_a_cluster_that_was_started_in_another_folder_works_in_that_of_the_experiment(
    cluster: str, small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_recipe()  # writes the rows
    monkeypatch.chdir(tmp_path)
    recipe = small_recipe(data="sft.jsonl", epochs=1, grid={"seed": [1]})
    quiet: dict[str, Any] = {"lock_sha256": "a", "base": byte_base, "device": "cpu", "progress": lambda _: None}
    found = train(recipe, Path("runs/mine"), on=cluster, **quiet)
    assert [c.path for c in found] == [Path(f"runs/mine/candidates/{recipe.name}-seed1-step{n}") for n in (2, 3)]


def test_a_bad_row_on_a_worker_is_one_sentence_here(
    cluster: str, small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    recipe = small_recipe(max_length=20, grid={"seed": [1]})
    with pytest.raises(InputError, match=r"^tiny_sft-seed1: .*sft\.jsonl, row 1: \d+ tokens, and the limit is 20"):
        train(recipe, tmp_path, lock_sha256="a", base=byte_base, device="cpu", on=cluster, progress=lambda _: None)


def test_what_a_cluster_trained_is_read_without_its_device(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from venire.training import cluster

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    quiet: dict[str, Any] = {"lock_sha256": "a", "base": byte_base, "progress": lambda _: None}
    recipe = small_recipe(epochs=1, batch=12)
    asked: list[str] = []

    def elsewhere(on: str, variants: list[Recipe], out: Path, lock: str, base: Base, device: str, *_: object) -> None:
        asked.append(device)
        train(recipe, out, device="cpu", **quiet)

    monkeypatch.setattr(cluster, "train_on", elsewhere)
    found = train(recipe, tmp_path, device="cuda", on="ray://there:1", **quiet)
    assert [c.step for c in found] == [1] and asked == ["cuda"]


def test_what_a_cluster_trained_out_of_sight_is_not_trained_again_here(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from venire.training import cluster

    monkeypatch.setattr(cluster, "train_on", lambda *_: None)
    quiet: dict[str, Any] = {"lock_sha256": "a", "base": byte_base, "progress": lambda _: None}
    with pytest.raises(VenireError, match=r"tiny_sft was trained there, and its candidates are not in .*/candidates;"):
        train(small_recipe(), tmp_path, on="ray://there:1", **quiet)
    assert not (tmp_path / "candidates").exists()


def test_without_ray_it_says_what_to_install(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(InputError, match=r"--on needs Ray; install it with: pip install 'venire\[ray\]'"):
        train(small_recipe(), tmp_path, lock_sha256="a", base=byte_base, on="ray://nowhere:1", progress=lambda _: None)
