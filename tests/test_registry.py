"""The registry: only a PROMOTE promotes, the weights are those that were judged, and a roll-back is one step."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from venire._common.errors import InputError, VenireError
from venire._common.files import write_json
from venire.engine import adapter_sha256
from venire.registry import Registry
from venire.registry_commands import registry as command


def decided(folder: Path, outcome: str, weights: Path, name: str = "a/plain") -> Path:
    sha = adapter_sha256(weights)
    contender = {
        "name": name, "model": "venire/x", "treatment": "plain", "base": "x", "kind": "adapter",
        "sha256": sha, "family": "x", "path": str(weights), "candidate": "a", "step": 1, "teachers": [],
    }  # fmt: skip
    write_json(folder / "contenders.json", [contender])
    write_json(folder / "decision.json", {"outcome": outcome, "candidate": name, "candidate_sha256": sha})
    return folder / "decision.json"


def test_only_a_promote_promotes(tmp_path: Path, tiny_adapters: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hold = decided(tmp_path / "hold", "HOLD", tiny_adapters[0])
    result = CliRunner().invoke(command, ["promote", str(hold)])
    assert isinstance(result.exception, VenireError)
    assert "HOLD, not PROMOTE" in str(result.exception)
    assert Registry().champion is None
    promote = decided(tmp_path / "promote", "PROMOTE", tiny_adapters[0])
    assert CliRunner().invoke(command, ["promote", str(promote)]).exit_code == 0
    champion = Registry().champion
    assert champion is not None and champion["name"] == "a/plain"
    for words in (["promote", str(promote), "--json"], ["rollback", "--reason", "worse", "--json"]):
        assert json.loads(CliRunner().invoke(command, words).stdout) == Registry().history[-1]


def test_weights_that_changed_since_are_not_promoted(
    tmp_path: Path, tiny_adapters: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = decided(tmp_path / "run", "PROMOTE", tiny_adapters[0])
    decision = json.loads(path.read_text())
    write_json(path, decision | {"candidate_sha256": adapter_sha256(tiny_adapters[1])})
    result = CliRunner().invoke(command, ["promote", str(path)])
    assert isinstance(result.exception, InputError)
    assert "no longer holds the weights" in str(result.exception)


def test_there_is_one_registry_which_the_gate_and_the_plan_read_too(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["--registry", str(tmp_path / "mine.json"), "show"])
    assert result.exit_code == 2 and "No such option" in result.output


def test_rollback_goes_to_the_champion_before_and_then_to_nobody(tmp_path: Path, tiny_adapters: list[Path]) -> None:
    store = Registry(tmp_path / "registry.json")
    for i, name in enumerate(("first/plain", "second/plain")):
        path = decided(tmp_path / name.replace("/", "-"), "PROMOTE", tiny_adapters[i], name)
        store.promote(path, json.loads((path.parent / "contenders.json").read_text())[0])
    for expected in ("first/plain", None):
        entry = store.rollback("it was worse in use")
        assert (entry["champion"] or {}).get("name") == expected
    with pytest.raises(VenireError, match="no champion"):
        store.rollback("again")
    assert len(Registry(tmp_path / "registry.json").history) == 4


def entered(action: str, name: str | None, previous: str | None = None) -> dict[str, Any]:
    """An entry as a registry file holds it; names stand for weights."""
    champion, before = ({"name": n, "sha256": n} if n else None for n in (name, previous))
    return {"action": action, "champion": champion, "previous": before, "reason": None, "when": "2026-01-01"}


def test_promoting_the_champion_again_changes_nothing_and_says_so(
    tmp_path: Path, tiny_adapters: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = str(decided(tmp_path / "run", "PROMOTE", tiny_adapters[0]))
    CliRunner().invoke(command, ["promote", path])
    again = CliRunner().invoke(command, ["promote", path])
    assert again.exit_code == 0 and again.output.startswith("champion already, nothing to change: a/plain (")
    assert len(Registry().history) == 1
    assert CliRunner().invoke(command, ["rollback", "--reason", "bad"]).output == "champion: nobody\n"


@pytest.mark.parametrize(
    ("names", "back"),
    [("aba", ["b", "a", None]), ("aab", ["a", None]), ("aa", [None]), ("abab", ["a", "b", "a", None])],
)
def test_each_roll_back_goes_one_champion_further_back_until_nobody_is_left(
    names: str, back: list[str | None], tmp_path: Path
) -> None:
    path = tmp_path / "registry.json"
    befores = [None, *names]
    write_json(path, {"history": [entered("promote", n, p) for n, p in zip(names, befores, strict=False)]})
    assert [(Registry(path).rollback("bad")["champion"] or {}).get("name") for _ in back] == back
    with pytest.raises(VenireError, match="no champion"):
        Registry(path).rollback("bad")


def test_a_promotion_after_a_roll_back_stands_on_whom_that_put_back(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    steps = [entered("promote", "a"), entered("promote", "b", "a"), entered("rollback", "a", "b")]
    write_json(path, {"history": [*steps, entered("promote", "c", "a")]})
    assert [(Registry(path).rollback("bad")["champion"] or {}).get("name") for _ in range(2)] == ["a", None]


def test_a_history_of_old_that_rolled_back_to_the_champion_itself_gets_out(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    twice = [entered("promote", "a"), entered("promote", "b", "a"), entered("promote", "b", "b")]
    write_json(path, {"history": [*twice, entered("rollback", "b", "b"), entered("rollback", "b", "b")]})
    assert [(Registry(path).rollback("bad")["champion"] or {}).get("name") for _ in range(2)] == ["a", None]


def test_a_confirm_set_is_one_use_a_run(tmp_path: Path) -> None:
    store = Registry(tmp_path / "registry.json")
    store.record_use("one", {"a", "b"}, "0")
    store.record_use("one", {"a", "b"}, "0")
    assert store.earlier_uses({"b", "c"}, "one", "0") == 0
    assert store.earlier_uses({"b", "c"}, "two", "1") == 1
    assert store.earlier_uses({"c"}, "two", "1") == 0


def test_a_run_decided_again_is_not_made_post_hoc_by_who_came_after_it(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    for run, lock in (("one", "0"), ("two", "1"), ("one", "0")):
        Registry(path).record_use(run, {"a", "b"}, lock)
        assert Registry(path).earlier_uses({"a", "b"}, "one", "0") == 0
    assert [use["run"] for use in Registry(path).uses] == ["one", "two"]
    assert Registry(path).earlier_uses({"a", "b"}, "two", "1") == 1
    assert Registry(path).earlier_uses({"a", "b"}, "three", "2") == 2


def test_the_same_name_under_another_lock_is_another_use(tmp_path: Path) -> None:
    store = Registry(tmp_path / "registry.json")
    store.record_use("one", {"a", "b"}, "0")
    assert store.earlier_uses({"a", "b"}, "one", "edited") == 1
    store.record_use("one", {"a", "b"}, "edited")
    assert [use["lock_sha256"] for use in store.uses] == ["0", "edited"]
    assert store.earlier_uses({"a"}, "one", "0") == 0


def test_families_that_a_run_takes_later_are_its_own_only_from_then_on(tmp_path: Path) -> None:
    store = Registry(tmp_path / "registry.json")
    store.record_use("one", {"a"}, "0")
    store.record_use("two", {"b"}, "1")
    assert store.earlier_uses({"a", "b"}, "one", "0") == 1
    store.record_use("one", {"a", "b"}, "0")
    assert [use["families"] for use in store.uses] == [["a"], ["b"], ["b"]]
    assert store.earlier_uses({"a", "b"}, "one", "0") == 1
    assert store.earlier_uses({"b"}, "two", "1") == 0
    assert store.earlier_uses({"a", "b"}, "three", "2") == 2
