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
        """Make a decision's candidate champion.

        Raises InputError if there is no decision there, VenireError if it does not say PROMOTE. `reason` is recorded.
        """
        decision = read_decision(decision_path)
        if decision["outcome"] != "PROMOTE":
            raise VenireError(
                f"{decision_path} says {decision['outcome']}, not PROMOTE: {decision['candidate']} stays a candidate"
            )
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
        """Put back whoever was champion before the last promotion. Raises VenireError if nobody was promoted."""
        now = self.champion
        if now is None:
            raise VenireError("there is no champion to roll back from")
        made = [entry for entry in self.history if entry["action"] == "promote" and entry["champion"] == now]
        previous = made[-1]["previous"] if made else None
        entry = {"action": "rollback", "champion": previous, "previous": now, "reason": reason, "when": _now()}
        self.history.append(entry)
        self._write()
        return entry

    def earlier_uses(self, families: set[str], run: str) -> int:
        """How many other runs were confirmed on a set that shares a family with `families`."""
        return sum(1 for use in self.uses if use["run"] != run and families & set(use["families"]))

    def record_use(self, run: str, families: set[str], lock_sha256: str) -> None:
        """Remember that a run's confirm set was judged (once a run: a resumed run is the same use)."""
        self.uses = [use for use in self.uses if use["run"] != run]
        self.uses.append({"run": run, "families": sorted(families), "lock_sha256": lock_sha256, "when": _now()})
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
