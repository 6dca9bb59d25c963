"""The second round: against the registry's champion, whose name and weights may come back among the candidates."""

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from venire._common.errors import InputError
from venire._common.files import read_json, write_json
from venire._common.hashing import sha256_json
from venire.engine import Base
from venire.registry import Registry
from venire.run import Run
from venire.stages import flow, plan

Write = Callable[..., Run]
JUDGED = [{"task": "venire/value_alignment", "limit": 8, "judge": True}]


@pytest.fixture
def write(tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """An experiment over `tiny`; `ad0` lies in it twice, with other weights in `v2`."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_base.path, tmp_path / "tiny")
    for folder, weights in (("ad0", 0), ("v2/ad0", 1), ("x/tiny", 2)):
        shutil.copytree(tiny_adapters[weights], tmp_path / folder)

    def experiment(*candidates: dict[str, Any], name: str = "round", **changes: Any) -> Run:
        data = {
            "name": name,
            "bases": ["tiny"],
            "incumbent": "registry:champion",
            "candidates": list(candidates),
            "suites": JUDGED,
            "panel": {"judges": [{"embedding": "all-minilm"}]},
        }
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(data | changes))
        return Run(tmp_path / f"{name}.yaml")

    return experiment


def crown(run: Run) -> dict[str, Any]:
    """Promote the first candidate of a run, as `registry promote` does."""
    return crown_as(asdict(run.candidate_contenders()[0]))


def crown_as(champion: dict[str, Any]) -> dict[str, Any]:
    write_json(Registry().path, {"history": [{"action": "promote", "champion": champion, "previous": None}]})
    return champion


def test_a_candidate_with_the_champion_s_name_and_other_weights_meets_it(write: Write) -> None:
    champion = crown(write({"path": "ad0"}, name="first", incumbent="tiny/plain"))
    run = write({"path": "v2/ad0"})
    incumbent = f"ad0@{champion['sha256'][:8]}/plain"
    assert plan.freeze(run)["plan"]["candidates"] == 1
    assert run.incumbent().name == incumbent and run.incumbent().model == champion["model"]
    assert [c.name for c in run.candidate_contenders()] == ["ad0/plain"]
    assert [c.name for c in flow.contenders(run)] == [incumbent, "tiny/plain", "ad0/plain"]
    assert len({c.model for c in flow.contenders(run)}) == 3


def test_the_champion_as_a_candidate_is_left_out_aloud(write: Write, tmp_path: Path) -> None:
    crown(write({"path": "ad0"}, name="first", incumbent="tiny/plain"))
    shutil.copytree(tmp_path / "ad0", tmp_path / "renamed")
    lock = plan.freeze(run := write({"path": "v2/ad0"}, {"path": "renamed"}))
    assert [c.name for c in run.candidate_contenders()] == ["ad0/plain"] and lock["plan"]["candidates"] == 1
    told = "candidate renamed/plain is the incumbent itself, and left out"
    assert {"component": "candidates", "severity": "note", "message": told} in lock["plan"]["findings"]
    with pytest.raises(InputError, match="ad0/plain is the incumbent itself, and left out; name another candidate"):
        plan.freeze(write({"path": "ad0"}, name="alone"))


def test_in_a_lock_of_old_a_name_that_is_the_champion_s_is_refused_and_any_other_goes_on(write: Write) -> None:
    champion = crown(write({"path": "ad0"}, name="first", incumbent="tiny/plain"))
    plan.freeze(run := write({"path": "x/tiny"}, bases=[str(Path("tiny").resolve())]))
    for key in ("champion", None):  # with the champion as it was called; and from before it was frozen at all
        frozen = {k: v for k, v in run.require_lock()["frozen"].items() if k != "champion"}
        frozen |= {key: champion} if key else {}
        write_json(run.lock_file, {"sha256": sha256_json(frozen), "frozen": frozen})
        assert run.incumbent().name == "ad0/plain"
        assert [c.name for c in run.candidate_contenders()] == ["tiny/plain"]
    with pytest.raises(InputError, match=r"'ad0/plain' has the name of other weights .*add .*v2/ad0 --name NAME"):
        write({"path": "v2/ad0"}, bases=[str(Path("tiny").resolve())]).candidate_contenders()


def test_a_candidate_called_like_a_base_is_refused_and_only_the_base_is_the_incumbent(write: Write) -> None:
    with pytest.raises(InputError, match=r"'tiny/plain' has the name of other weights \(venire/tiny\)"):
        plan.freeze(write({"path": "ad0"}, {"path": "x/tiny"}, incumbent="tiny/plain"))
    treatments = {"plain": {}, "warm": {"kind": "system", "text": "Be warm."}}
    run = write({"base": "tiny"}, {"base": "tiny", "treatment": "warm"}, incumbent="tiny/plain", treatments=treatments)
    assert plan.freeze(run)["plan"]["candidates"] == 1
    assert [c.name for c in run.candidate_contenders()] == ["tiny/warm"]


def test_a_champion_is_met_under_the_treatment_that_it_was_promoted_under(write: Write) -> None:
    warm = {"kind": "system", "text": "Be warm."}
    both = {"plain": {}, "warm": warm}
    first = write({"path": "ad0", "treatment": "warm"}, name="first", incumbent="tiny/plain", treatments=both)
    plan.freeze(first)
    first.write_contenders(first.candidate_contenders())
    (champion,) = read_json(first.contenders_file)
    crown_as(champion)
    with pytest.raises(InputError, match=r"champion ad0@.*/warm answers under the treatment 'warm', which is not here"):
        plan.freeze(write({"path": "v2/ad0"}))
    with pytest.raises(InputError, match=r"treatments\.warm is not what the champion ad0@.* was promoted under"):
        plan.freeze(write({"path": "v2/ad0"}, treatments={"warm": warm | {"text": "Be cold."}}))
    assert "champion" not in told(plan.freeze(write({"path": "v2/ad0"}, treatments={"warm": warm})))
    crown_as({key: value for key, value in champion.items() if key != "treatment_sha256"})  # as it was written before
    old = write({"path": "v2/ad0"}, name="old", treatments={"warm": warm | {"text": "Be cold."}})
    assert "what the champion's treatment 'warm' held when it was promoted was not recorded" in told(plan.freeze(old))


def told(lock: dict[str, Any]) -> str:
    return "\n".join(f["message"] for f in lock["plan"]["findings"] if f["component"] == "candidates")
