"""The committed reference: the base answers the first items of two suites as it did, and a difference is told."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from venire.evals import load_task

BENCH = Path(__file__).parents[2] / "bench" / "evals"
FIRST = 6


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", BENCH / "reference.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_item_of_every_suite_is_there_with_its_interval(reference: ModuleType) -> None:
    committed = json.loads(reference.FILE.read_text("utf-8"))["suites"]
    assert set(committed) == set(reference.SUITES)
    for name, metrics in committed.items():
        samples = len(load_task(f"venire/{name}", reference.SUITES[name]).dataset)
        for metric, told in metrics.items():
            assert len(told["items"]) == samples and samples - told["items"].count(".") == told["n"], (name, metric)
            assert told["low"] <= told["rate"] <= told["high"], (name, metric)


def test_a_run_that_differs_is_told(reference: ModuleType) -> None:
    there = {"exact": {"rate": 0.5, "items": "10" * 100}}
    assert reference.differences(there, there) == []
    one = {"exact": {"rate": 0.505, "items": "10" * 99 + "11"}}
    assert reference.differences(one, there) == []  # one item of two hundred
    three = {"exact": {"rate": 0.515, "items": "10" * 97 + "111111"}}
    assert len(reference.differences(three, there)) == 2
    assert "only in this run" in reference.differences({**there, "more": there["exact"]}, there)[0]


@pytest.mark.model
def test_the_base_answers_as_it_did(reference: ModuleType) -> None:
    """On other processors one item in a hundred may differ; of these dozen, at most one."""
    committed = json.loads(reference.FILE.read_text("utf-8"))["suites"]
    mine = reference.measure(["forgetting", "phrasing_robustness"], FIRST)
    pairs = [
        pair
        for name, metrics in mine.items()
        for metric, told in metrics.items()
        for pair in zip(told["items"], committed[name][metric]["items"], strict=False)
    ]
    assert len(pairs) == 2 * FIRST and sum(one != other for one, other in pairs) <= 1
