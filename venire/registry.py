"""Which candidate is champion, how it became so, and which confirm sets have been used."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from venire._common.errors import InputError, VenireError
from venire._common.files import read_json, write_json
from venire._common.hashing import sha256_file

DEFAULT_PATH = Path("registry.json")


class Registry:
    """A JSON file: `history` of promotions and roll-backs (the last one is in force), and `uses` of confirm sets."""

    def __init__(self, path: Path = DEFAULT_PATH) -> None:
        self.path = path
        data: dict[str, Any] = read_json(path) if path.is_file() else {}
        self.history: list[dict[str, Any]] = data.get("history", [])
        self.uses: list[dict[str, Any]] = data.get("uses", [])

    @property
    def champion(self) -> dict[str, Any] | None:
        """The entry in force: name, model, treatment, base, sha256; None before the first promotion."""
        return self.history[-1]["champion"] if self.history else None

    def promote(self, decision_path: Path, contender: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        """Make a decision's candidate champion; gives the entry in force, which stays as it is if it says so already.

        Raises InputError if there is no decision there, VenireError if it does not say PROMOTE. `reason` is recorded.
        """
        decision = read_decision(decision_path)
        if decision["outcome"] != "PROMOTE":
            raise VenireError(
                f"{decision_path} says {decision['outcome']}, not PROMOTE: {decision['candidate']} stays a candidate"
            )
        if contender == self.champion:
            return self.history[-1]
        entry = {
            "action": "promote",
            "champion": contender,
            "previous": self.champion,
            "decision": str(decision_path),
            "decision_sha256": sha256_file(decision_path),
            "reason": reason,
            "when": _now(),
        }
        self.history.append(entry)
        self._write()
        return entry

    def rollback(self, reason: str) -> dict[str, Any]:
        """Put back whoever was champion before this one was promoted. Raises VenireError if there is no champion."""
        now = self.champion
        if now is None:
            raise VenireError("there is no champion to roll back from")
        reign = self._reign()
        previous = reign[-2] if len(reign) > 1 else None
        entry = {"action": "rollback", "champion": previous, "previous": now, "reason": reason, "when": _now()}
        self.history.append(entry)
        self._write()
        return entry

    def _reign(self) -> list[dict[str, Any]]:
        """The champion last, before it those that roll-backs would put back: every one is another than its neighbour.

        Histories of old may promote a champion a second time, or roll back to a wrong one: what was in force counts.
        """
        reign: list[dict[str, Any]] = []
        for entry in self.history:
            champion = entry["champion"]
            if entry["action"] == "rollback":
                while reign and (champion is None or not _same(reign[-1], champion)):
                    reign.pop()
            if reign and champion is not None and _same(reign[-1], champion):
                reign[-1] = champion
            elif champion is not None:
                reign.append(champion)
        return reign

    def earlier_uses(self, families: set[str], run: str, lock_sha256: str) -> int:
        """How many other uses took a family of `families` before this run, under this lock, took it itself.

        A run decided again is the same use, whoever came after it; a run of the same name under another lock is not.
        """
        open_still, others = set(families), set()
        for use in self.uses:
            shared = open_still & set(use["families"])
            if _is_use(use, run, lock_sha256):
                open_still -= shared
            elif shared:
                others.add((use["run"], use["lock_sha256"]))
        return len(others)

    def record_use(self, run: str, families: set[str], lock_sha256: str) -> None:
        """Remember that a run's confirm set was judged. What stands there of this run and lock already keeps its place;
        families that are new to it are added at the end.
        """
        mine = [use for use in self.uses if _is_use(use, run, lock_sha256)]
        fresh = families.difference(*(use["families"] for use in mine))
        if fresh or not mine:
            self.uses.append({"run": run, "families": sorted(fresh), "lock_sha256": lock_sha256, "when": _now()})
            self._write()

    def _write(self) -> None:
        write_json(self.path, {"history": self.history, "uses": self.uses})


def read_decision(path: Path) -> dict[str, Any]:
    """A decision file. Raises InputError if it is not there or not one."""
    if not path.is_file():
        raise InputError(f"decision {str(path)!r}: no such file; `venire gate EXPERIMENT` writes one")
    decision = read_json(path)
    if not isinstance(decision, dict) or "outcome" not in decision:
        raise InputError(f"decision {str(path)!r}: no `outcome` in it; is it a decision.json?")
    return decision


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Are they the same weights under the same treatment, whatever they are called and wherever they lie?"""
    if "sha256" not in one:
        return one == other
    keys = ["sha256", "treatment", "base", "kind"]
    if one.get("treatment_sha256") and other.get("treatment_sha256"):  # which older entries do not say
        keys.append("treatment_sha256")
    return all(one.get(key) == other.get(key) for key in keys)


def _is_use(use: dict[str, Any], run: str, lock_sha256: str) -> bool:
    return use["run"] == run and use["lock_sha256"] == lock_sha256


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
