"""One component of a decision: what was seen, what was asked, and what it leads to if it fails."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Outcome = Literal["PROMOTE", "HOLD", "REFUSE"]


@dataclass(frozen=True)
class Component:
    """`passed` is null where the component is undefined, which counts as failed but never refuses.

    `observed` and `required` are comparable: numbers, or counts of faults (0 required). `bound` is there where not
    the rate observed but its exact one-sided bound is what must keep to `required`.
    """

    name: str
    passed: bool | None
    observed: Any
    required: Any
    detail: str
    outcome_if_failed: Literal["HOLD", "REFUSE"] = "HOLD"
    bound: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As in decision.json: `bound` only where there is one."""
        data = asdict(self)
        return data if self.bound is not None else {key: value for key, value in data.items() if key != "bound"}


def outcome_of(components: list[Component]) -> Outcome:
    """REFUSE outranks HOLD: PROMOTE only if all pass."""
    failed = [component for component in components if component.passed is not True]
    if any(component.passed is False and component.outcome_if_failed == "REFUSE" for component in failed):
        return "REFUSE"
    return "HOLD" if failed else "PROMOTE"


def interval(low: float, high: float) -> str:
    """`0.51 to 0.66`."""
    return f"{low:.3f} to {high:.3f}"
