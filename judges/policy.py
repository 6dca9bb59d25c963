"""The gate's policy: all numbers that decide, fixed before a vote is seen. Defaults: docs/statistics.md, "Decision"."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from venire._common.errors import InputError
from venire._common.reading import first_fault
from venire.judges.statistics.spending import alpha_of_use

# Exact certification by default from here on; below it the bare rate is used and labelled uncertified.
CERTIFY_FROM = 200
# A suite without a failure certifies 95% with 59 items (.05 ** (1 / 59) = .9505).
ZERO_FAILURE_ITEMS = 59
ZERO_FAILURE_CERTIFIES = 0.95
# Below this many prompts there is no interval worth gating on.
MIN_PROMPTS = 15
# Further out, 1 - alpha is no longer told apart from 1 once uses and candidates have divided it.
LEAST_ALPHA = 1e-6


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NonInferiority(_Strict):
    """The most that a suite may lose: shown by Tango's score test (one-sided)."""

    delta: float = Field(gt=0, lt=1, description="largest tolerated drop of the rate, as a proportion")
    alpha: float = Field(default=0.05, ge=LEAST_ALPHA, lt=0.5)


class Threshold(_Strict):
    """An absolute bound on a suite's metric."""

    at_most: float | None = Field(default=None, ge=0, lt=1)
    at_least: float | None = Field(default=None, gt=0, le=1)
    mode: Literal["certify", "point"] | None = Field(
        default=None,
        description="certify: exact binomial bound; point: the bare rate, labelled uncertified; "
        f"default: certify from {CERTIFY_FROM} items on, else point",
    )
    alpha: float = Field(default=0.05, ge=LEAST_ALPHA, lt=0.5)

    @model_validator(mode="after")
    def _one_bound(self) -> "Threshold":
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("give exactly one of at_most, at_least")
        return self

    @property
    def zero_failure(self) -> bool:
        """Not one failure is allowed (`at_least: 1`, `at_most: 0`): an acceptance test, no proportion's."""
        return self.at_least == 1 or self.at_most == 0

    def mode_at(self, n: int) -> Literal["certify", "point"]:
        """The mode that holds for a suite of `n` items."""
        return self.mode or ("certify" if n >= CERTIFY_FROM else "point")


class SuitePolicy(_Strict):
    """What the gate asks of one suite."""

    metric: str | None = Field(default=None, description="the score that non-inferiority compares")
    non_inferiority: NonInferiority | None = None
    thresholds: dict[str, Threshold] = {}


class GatePolicy(_Strict):
    """An experiment's `gate:` block, and what its suites ask."""

    alpha: float = Field(default=0.025, ge=LEAST_ALPHA, lt=0.5, description="one-sided level of superiority")
    agreement: float = Field(
        default=0.20, ge=0, lt=1, description="what the lower bound of the panel's signed agreement must reach"
    )
    agreement_alpha: float = Field(default=0.05, ge=LEAST_ALPHA, lt=0.5)
    leave_one_out: bool = Field(default=True, description="the win must survive without any one judge")
    leave_one_out_alpha: float = Field(default=0.05, ge=LEAST_ALPHA, lt=0.5)
    length: bool = Field(default=True, description="the win must survive the control for length, where identifiable")
    coverage: float = Field(default=0.90, gt=0, le=1, description="least share of valid votes")
    max_invalid: float = Field(default=0.20, ge=0, lt=1, description="a judge above this share is withdrawn")
    min_judges: int = Field(default=2, ge=2)
    reuse: Literal["none", "spend"] = Field(
        default="none", description="none: a confirm set counts once; spend: its t-th use at alpha/(t(t+1))"
    )
    stopping: bool = Field(default=True, description="judging may stop early, with one finalist")
    halving_from: int = Field(
        default=150, ge=15, description="judged prompts from which the finalist is screened on a third of them"
    )
    suites: dict[str, SuitePolicy] = {}

    def alpha_at(self, earlier_uses: int) -> float:
        """The level of superiority when the confirm set has been used `earlier_uses` times before."""
        # A further use that is not to be spent is post hoc; the gate says so, and shows it at the whole level.
        return alpha_of_use(self.alpha, earlier_uses + 1, self.reuse) or self.alpha


def parse_policy(data: Any, source: str) -> GatePolicy:
    """A policy from YAML's mapping: the gate block itself, or a mapping with `gate:` and, if need be, `suites:`.

    An experiment file therefore serves too. Raises InputError naming the key.
    """
    if data is None:
        return GatePolicy()
    if not isinstance(data, dict):
        raise InputError(f"{source}: a policy is a mapping of keys such as alpha, agreement, leave_one_out")
    whole = "gate" in data or isinstance(data.get("suites"), list)  # an experiment file, also one without `gate:`
    block = _with_suites(data, source) if whole else data
    try:
        return GatePolicy.model_validate(block)
    except ValidationError as error:
        key, message, unknown = first_fault(error)
        if unknown:
            known = ", ".join(GatePolicy.model_fields)
            raise InputError(f"{source}: unknown key {key!r}; the gate knows {known}") from error
        raise InputError(f"{source}: {key}: {message}") from error


def _with_suites(data: dict[str, Any], source: str) -> dict[str, Any]:
    """The `gate:` block with what the suites beside it ask. A rule in both places, or in the wrong one, is refused."""
    gate = {} if data.get("gate") is None else data["gate"]
    if not isinstance(gate, dict):
        raise InputError(f"{source}: gate: {gate!r} is no mapping of keys such as alpha, agreement, leave_one_out")
    if outside := [key for key in GatePolicy.model_fields if key in data and key != "suites"]:
        raise InputError(f"{source}: {outside[0]!r} stands beside `gate:`; write it below `gate:`, where it counts")
    own, beside = gate.get("suites") or {}, _suites_of(data.get("suites") or {}, source)
    if not isinstance(own, dict):
        raise InputError(f"{source}: gate: suites: a mapping of suites' names is wanted")
    if both := sorted(set(own) & set(beside)):
        raise InputError(f"{source}: suite {both[0]!r} has rules below `gate:` and beside it; write them in one place")
    return {**gate, "suites": {**own, **beside}}


def _suites_of(suites: Any, source: str) -> dict[str, Any]:
    """What an experiment's suites ask of the gate, by the task's own name."""
    if isinstance(suites, dict):
        return suites
    if not isinstance(suites, list):
        raise InputError(f"{source}: suites: a list of tasks, or a mapping of suites' names, is wanted")
    asked: dict[str, Any] = {}
    for suite in suites:
        if not isinstance(suite, dict) or "task" not in suite:
            raise InputError(f"{source}: suites: each is a mapping with a task")
        rules = {key: suite[key] for key in SuitePolicy.model_fields if key in suite}
        if rules.get("non_inferiority") or rules.get("thresholds"):
            name = str(suite["task"]).rsplit("/", 1)[-1]
            if name in asked:
                raise InputError(
                    f"{source}: suites: two tasks named {name!r} have rules, and the gate cannot tell them apart"
                )
            asked[name] = rules
    return asked
