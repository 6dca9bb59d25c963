"""The whole flow of an experiment that asks for no decision: plan, train, eval, and what to run next."""

from collections.abc import Callable

import pytest
import yaml

from venire import lineages
from venire._common.errors import InputError
from venire.run import Run
from venire.stages import flow
from venire.stages.design import only_measured

from .staging import Stage

Make = Callable[..., Stage]


def test_where_no_decision_is_asked_for_the_whole_flow_measures_and_says_how_to_look(
    stage: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = stage()
    plain = {"name": "plain", "suites": [{"task": "venire/forgetting", "limit": 16}]}
    it.change(**plain)
    kept = yaml.safe_load(it.path.read_text())
    it.path.write_text(yaml.safe_dump({key: value for key, value in kept.items() if key != "panel"}))
    did: list[str] = []
    for name in ("train", "evaluate", "judge", "gate", "report"):
        monkeypatch.setattr(flow, name, lambda *_, _name=name, **__: did.append(_name))
    assert flow.run_all(it.run, it.said.append) is None
    assert did == ["train", "evaluate"] and it.run.lock is not None
    assert it.said[-1].endswith(f"what was measured: venire curve {it.path}")
    told = iter([1, 5, 5])
    monkeypatch.setattr(lineages, "lineage", lambda contender: {"data": {"phrasings": next(told)}})
    monkeypatch.setattr(Run, "candidate_contenders", lambda run: [1, 2, 3])
    flow.measure(it.run, it.said.append)
    assert it.said[-1].endswith(f"venire curve {it.path} --by phrasings")
    monkeypatch.undo()
    with pytest.raises(InputError, match="no suite is marked"):
        flow.run_all(it.run, it.said.append, decide=True)
    with pytest.raises(InputError, match="no suite is marked"):
        flow.run_all(it.run, it.said.append, post_hoc="because")
    for asking in (
        {"gate": {"alpha": 0.05}},
        {"suites": [plain["suites"][0] | {"thresholds": {"exact": {"at_least": 0.5}}}]},
    ):
        assert only_measured(it.run)
        it.change(**asking)
        assert not only_measured(it.run), asking
        it.path.write_text(yaml.safe_dump({key: value for key, value in kept.items() if key != "panel"}))
