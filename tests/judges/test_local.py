"""Local judges: what each measures, ties by the margin, bias left in the open, batches that do no harm."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import anyio
import numpy as np
import polars as pl
import pytest

from venire.judges.judging import run_panel
from venire.judges.local import Batched, Measured, closeness, likelihood, odds
from venire.judges.pairs import make_pairs
from venire.judges.panel import resolve_panel
from venire.judges.rubric import Shown, load_rubric

from .helpers import CANDIDATE, INCUMBENT, answers_frame, fenced, origin


def row(first: str, second: str, label: str = "A", i: int = 0, **options) -> Shown:
    base = {"id": f"{i:024x}-1", "prompt": "Why?", "reference": "bread", "contrast": "rules", "flags": []}
    return Shown.model_validate(base | {"first_label": label, "first": first, "second": second} | options)


def words(texts: Sequence[str], model: str = "") -> np.ndarray:
    """A fake embedding: how often bread, rules and anything else occur."""
    counts = [[t.count("bread"), t.count("rules"), 1e-3 + len(t.split()) * 0.1] for t in texts]
    vectors = np.array(counts, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fake_loglikelihoods(model: str, items: Sequence) -> list:
    """The reference is likelier after a text that shares its words."""
    return [
        SimpleNamespace(logprob=-4.0 + 2 * ("bread" in messages[0]["content"]), n_tokens=2) for messages, _ in items
    ]


@pytest.fixture(autouse=True)
def fakes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("model"):
        return
    monkeypatch.setattr("venire.engine.embed", words)
    monkeypatch.setattr("venire.engine.loglikelihoods", fake_loglikelihoods)
    monkeypatch.setattr("venire.engine.choice_logprobs", first_place)
    monkeypatch.setattr("venire.engine.resolve_base", lambda name: SimpleNamespace(identity=f"hub/{name}@rev"))


def first_place(model: str, prompts: Sequence, choices: Sequence[str]) -> np.ndarray:
    """A judge that always favours the first place, four to one."""
    firsts = [next(t for t in fenced(p[0]["content"]) if t.startswith("Answer"))[-1] for p in prompts]
    return np.log([[0.04 if choice == first else 0.01 for choice in choices] for first in firsts])


def winner(measured: Measured, shown: Shown, margin: float = 0.0) -> str:
    return json.loads(measured.reply(shown, margin))["winner"]


@pytest.mark.parametrize("label", ["A", "B"])
def test_closeness_prefers_the_persons_side(label: str) -> None:
    shown = row("bring bread", "follow rules", label)
    (measured,) = closeness([shown], "m")
    assert measured.first > 0 > measured.second
    assert winner(measured, shown) == label


def test_closeness_without_a_contrast_is_the_cosine() -> None:
    (measured,) = closeness([row("bread", "stone", contrast=None)], "m")
    assert measured.first == pytest.approx(1.0) and measured.unit == "cosine"


def test_the_unit_is_that_of_the_pair_whatever_else_is_in_its_batch() -> None:
    with_one, without = row("bread", "stone"), row("bread", "stone", contrast=None)
    assert closeness([without, with_one], "m") == closeness([with_one, without], "m")[::-1]
    assert [measured.unit for measured in closeness([with_one, without], "m")][1] == "cosine"


def test_saying_nothing_is_furthest_away() -> None:
    shown = row("", "rules rules")
    (measured,) = closeness([shown], "m")
    assert winner(measured, shown) == "B"


def test_likelihood_is_per_token_and_asked_once_a_text() -> None:
    shown = [row("bread", "stone"), row("stone", "bread", "B", 1)]
    one, two = likelihood(shown, "m")
    assert (one.first, one.second) == (-1.0, -2.0)
    assert (two.first, two.second) == (-2.0, -1.0)
    assert winner(one, shown[0]) == "A" and winner(two, shown[1]) == "A"


def test_odds_follow_the_place_in_which_an_answer_is_shown() -> None:
    rubric = load_rubric("letter")
    for label in ("A", "B"):
        shown = row("bread", "stone", label)
        (measured,) = odds([shown], "m", rubric)
        assert measured.first == pytest.approx(0.8) and measured.second == pytest.approx(0.2)
        assert winner(measured, shown) == label


def test_a_difference_of_no_more_than_the_margin_is_a_tie() -> None:
    shown = row("x", "y")
    assert winner(Measured(0.50, 0.48, "u"), shown, 0.05) == "tie"
    assert winner(Measured(0.50, 0.40, "u"), shown, 0.05) == "A"
    assert winner(Measured(0.5, 0.5, "u"), shown, 0.0) == "tie"
    reply = json.loads(Measured(0.5, 0.25, "u").reply(row("x", "y", "B"), 0.1))
    assert reply["measured"] == {"A": 0.25, "B": 0.5} and reply["winner"] == "B"


def test_samples_beside_each_other_share_a_batch_and_a_bad_one_fails_alone() -> None:
    sizes = []

    def measure(rows: Sequence[Shown]) -> list[Measured]:
        sizes.append(len(rows))
        if any(r.first == "too long" for r in rows):
            raise ValueError("longer than the context")
        return [Measured(float(r.first), 0.0, "u") for r in rows]

    async def main() -> dict[int, float | str]:
        batched = Batched(measure, size=4)
        out: dict[int, float | str] = {}

        async def one(i: int) -> None:
            try:
                out[i] = (await batched(row("too long" if i == 5 else str(i), "y", i=i)))[0].first
            except ValueError:
                out[i] = "failed"

        async with anyio.create_task_group() as group:
            for i in range(10):
                group.start_soon(one, i)
        return out

    assert anyio.run(main) == {i: "failed" if i == 5 else i for i in range(10)}
    assert sizes[0] == 4 and max(sizes) == 4


def test_the_local_panel_votes_and_its_bias_shows(tmp_path: Path) -> None:
    pairs = make_pairs(answers_frame(n=8), [CANDIDATE], INCUMBENT, seed=7)
    origins = [origin(CANDIDATE), origin(INCUMBENT)]
    began = time.monotonic()
    ledger = run_panel(pairs, resolve_panel({"preset": "local"}), tmp_path, seed=7, anchors=40, origins=origins)
    took = time.monotonic() - began
    gate = ledger.votes.filter(pl.col("use") != "anchor")
    by_judge = {judge: votes for (judge,), votes in gate.group_by("judge")}
    assert set(by_judge["embedding:all-minilm"]["verdict"]) == {"candidate"}
    assert set(by_judge["likelihood:smollm2-135m"]["verdict"]) == {"candidate"}
    biased = by_judge["venire/smollm2-135m"]
    assert (biased["candidate_first"] == (biased["verdict"] == "candidate")).all()
    assert not ledger.exams["venire/smollm2-135m"].passed  # always the first place: both orders together are a tie
    assert set(biased["use"]) == {"display"}
    assert 0 < ledger.votes["seconds"].sum() < took  # of the measuring, not of the waiting for one another


@pytest.mark.model
def test_the_real_local_panel(tmp_path: Path) -> None:
    """The embedded models, on four pairs and a short exam: every vote is valid, and the embedding judge passes."""
    pairs = make_pairs(answers_frame(n=4), [CANDIDATE], INCUMBENT, seed=7)
    ledger = run_panel(pairs, resolve_panel({"preset": "local"}), tmp_path, seed=7, anchors=8)
    assert ledger.votes.height == 3 * 2 * 12
    assert (ledger.votes["verdict"] != "invalid").all()
    assert ledger.exams["embedding:all-minilm"].passed
