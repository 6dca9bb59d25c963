"""What cannot pass whatever the model does: said at `plan`, before anything is trained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from venire.judges.policy import CERTIFY_FROM, MIN_PROMPTS, ZERO_FAILURE_ITEMS, GatePolicy, NonInferiority, Threshold
from venire.judges.selection import design_of
from venire.judges.statistics.a_flip import a_flip
from venire.judges.statistics.halving import SCREEN_SHARE
from venire.judges.statistics.maxt import max_t
from venire.judges.statistics.power import non_inferiority_power, threshold_power
from venire.judges.statistics.stopping import boundaries
from venire.judges.statistics.tango import most_losses
from venire.judges.statistics.thresholds import certifying_hits
from venire.judges.statistics.winrate import lower_bound

_LARGEST_SUITE = 100_000  # no suite is larger; a margin that needs more is unreachable
_WEAK = 0.5  # a good model that passes a component less often than this deserves a warning


@dataclass(frozen=True)
class Unreachable:
    """`error`: the component cannot pass. `warning`: it seldom does. `note`: what its passing will not mean."""

    component: str
    severity: Literal["error", "warning", "note"]
    message: str


def plan_feasibility(
    policy: GatePolicy,
    n_prompts: int,
    n_judges: int,
    suites: Mapping[str, int],
    n_candidates: int = 1,
    earlier_uses: int = 0,
) -> list[Unreachable]:
    """What cannot pass with n judged prompts, so many judges, and suites of these sizes (by the task's own name).

    `earlier_uses`: other runs that were decided on some of the same prompts.
    """
    found = [*_panel(policy, n_judges), *_reuse(policy, earlier_uses)]
    found += _prompts(policy, n_prompts, n_judges, n_candidates, earlier_uses)
    for suite, asked in policy.suites.items():
        n = suites.get(suite)
        if n is None:
            found.append(Unreachable(suite, "error", f"the gate asks for suite {suite!r}, which the plan does not run"))
            continue
        if asked.non_inferiority:
            found += _non_inferiority(suite, n, asked.non_inferiority)
        for metric, threshold in asked.thresholds.items():
            found += _threshold(f"{suite}.{metric}", n, threshold)
    return found


def _panel(policy: GatePolicy, judges: int) -> list[Unreachable]:
    if judges >= policy.min_judges:
        return []
    return [
        Unreachable(
            "panel_size",
            "error",
            f"{judges} judges: the gate needs {policy.min_judges} that count, or nothing can be promoted",
        )
    ]


def _reuse(policy: GatePolicy, earlier_uses: int) -> list[Unreachable]:
    if not earlier_uses:
        return []
    runs = "one run" if earlier_uses == 1 else f"{earlier_uses} runs"
    used = f"prompts of this confirm set have decided {runs} already"
    if policy.reuse == "none":
        cure = "judge on others, or freeze `reuse: spend`"
        return [Unreachable("post_hoc", "warning", f"{used}: the decision will be post hoc and promote nobody; {cure}")]
    return [Unreachable("superiority", "note", f"{used}: this use has level {policy.alpha_at(earlier_uses):.4f}")]


def _prompts(policy: GatePolicy, n: int, judges: int, candidates: int, earlier_uses: int) -> list[Unreachable]:
    design = design_of(candidates, n, policy)
    deciding = n - n // SCREEN_SHARE if design == "halving" else n
    if deciding < MIN_PROMPTS:
        return [
            Unreachable(
                "superiority", "error", f"{deciding} deciding prompts: below {MIN_PROMPTS} no interval may decide"
            )
        ]
    alpha = policy.alpha_at(earlier_uses)
    found = []
    if design == "max_t":
        # The best there can be: one candidate that wins everything, the others as good as the incumbent.
        with np.errstate(divide="ignore", invalid="ignore"):  # a level that no number of flips can reach
            best = max_t(np.column_stack([np.ones(n), np.full((n, candidates - 1), 0.5)]), alpha=alpha)
        if not best.rejected:
            found.append(_bound("superiority", float(best.low[0]), f"the best of {candidates} on {n} prompts"))
    else:
        level = boundaries(alpha).final if policy.stopping else alpha
        low = lower_bound(np.ones(deciding), alpha=level)
        if low <= 0.5:
            found.append(_bound("superiority", low, f"{deciding} prompts, all won, at level {level:g}"))
    if judges >= 2:
        agreed = a_flip(np.ones((deciding, judges)), alpha=policy.agreement_alpha)
        if not agreed.low >= policy.agreement:
            found.append(_bound("agreement", agreed.low, "judges that always agree"))
    return found


def _bound(component: str, low: float, when: str) -> Unreachable:
    return Unreachable(component, "error", f"{component} cannot pass: with {when} the lower bound is {low:.3f}")


def _non_inferiority(suite: str, n: int, asked: NonInferiority) -> list[Unreachable]:
    name = f"non_inferiority:{suite}"
    if most_losses(n, asked.delta, asked.alpha) is None:
        least = _least(lambda size: most_losses(size, asked.delta, asked.alpha) is not None)
        return [
            Unreachable(
                name,
                "error",
                f"{n} items cannot exclude a loss of {asked.delta:g} even if nothing changes; it takes {least}",
            )
        ]
    power = non_inferiority_power(n, asked.delta, 0.05, 0.0, asked.alpha)
    if power < _WEAK:
        return [
            Unreachable(
                name,
                "warning",
                f"{n} items: a model that lost nothing (5% of answers changed, both ways alike) passes with "
                f"probability {power:.2f}",
            )
        ]
    return []


def _threshold(name: str, n: int, asked: Threshold) -> list[Unreachable]:
    component = f"threshold:{name}"
    if asked.zero_failure:
        if n == ZERO_FAILURE_ITEMS:
            return []
        what = "rejects more good models than it needs" if n > ZERO_FAILURE_ITEMS else "certifies less than 95%"
        return [
            Unreachable(component, "note", f"{n} items without a failure: {ZERO_FAILURE_ITEMS} certify 95%; {what}")
        ]
    if asked.mode_at(n) == "point":
        note = f"the bare rate of {n} items decides, uncertified (certify is the default from {CERTIFY_FROM} items on)"
        return [Unreachable(component, "note", note)]
    limits = {"at_most": asked.at_most, "at_least": asked.at_least, "alpha": asked.alpha}
    if certifying_hits(n, **limits) is None:
        least = _least(lambda size: certifying_hits(size, **limits) is not None)
        return [
            Unreachable(
                component, "error", f"no result of {n} items can certify it; it takes {least}, or `mode: point`"
            )
        ]
    # A model twice as far on the right side of the limit as its distance from certainty.
    rate = asked.at_most / 2 if asked.at_most is not None else (1 + (asked.at_least or 0)) / 2
    power = threshold_power(n, rate, **limits)
    if power < _WEAK:
        return [
            Unreachable(
                component, "warning", f"{n} items: a model with a true rate of {rate:.3g} is certified with {power:.2f}"
            )
        ]
    return []


def _least(enough: Callable[[int], bool]) -> int | str:
    """The smallest n that is enough, by doubling and bisection."""
    high = 1
    while not enough(high):
        high *= 2
        if high > _LARGEST_SUITE:
            return f"more than {_LARGEST_SUITE}"
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
