"""When judging one finalist may stop: what the judge stage asks after each family, and the gate asks again at the end.

The order of families is fixed beforehand; only whole families are looked at. With several candidates still in the
field, or one judge, nothing stops.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from venire.judges.counted import Conflicts, Contest, Floats, contests, counted_votes
from venire.judges.policy import GatePolicy
from venire.judges.statistics.stopping import Look, family_means, hybrid_look


@dataclass(frozen=True)
class Stop:
    """`stop`: superiority is shown with every judge left out, too. `prompts`, `families`: when (or so far).

    low, high: the 95% confidence sequence of the win rate, valid at any stop. futile: a rate of .6 is implausible.
    """

    stop: bool
    prompts: int
    families: int
    low: float
    high: float
    futile: bool


def look(
    votes: pl.DataFrame,
    finalist: str,
    prompts: Sequence[str],
    n_max: int,
    policy: GatePolicy,
    *,
    exams: Mapping[str, bool] | None = None,
    conflicts: Conflicts | None = None,
    earlier_uses: int = 0,
) -> Stop:
    """Look at the finalist's counted votes on `prompts`, in the frozen order (families whole).

    n_max: the largest family that the panel judges, from the lock; it weighs the families' increments.
    """
    counted = counted_votes(votes.filter(pl.col("candidate") == finalist), policy, exams, conflicts)
    found = list(contests(counted.votes, _incumbent(counted.votes)).values()) if counted.votes.height else []
    if not found:
        return Stop(False, 0, 0, 0.0, 1.0, False)
    return as_stop(look_at(found[0].take(list(prompts)), n_max, policy, policy.alpha_at(earlier_uses)))


def _incumbent(votes: pl.DataFrame) -> str:
    return str(votes["incumbent"][0])


def as_stop(seen: Look) -> Stop:
    """What matters of a look."""
    return Stop(seen.stopped, seen.prompts, seen.families, seen.low, seen.high, seen.futile)


def look_at(contest: Contest, n_max: int, policy: GatePolicy, alpha: float, against: bool = False) -> Look:
    """The hybrid rule on a contest whose prompts stand in the frozen order. `against`: invalid votes as losses."""
    kept = _seen(contest)
    families = contest.families[kept]
    bound = _neutral(contest.against[kept], families)
    means = bound if against else _neutral(contest.means[kept], families)
    sizes = family_means(np.zeros(len(families)), families)[1]
    without = [_neutral(contest.left_out[kept, j], families) for j in range(len(contest.judges))]
    left_out = np.stack(without) if len(contest.judges) > 1 else np.zeros((0, len(means)))
    if not policy.leave_one_out:
        left_out = np.stack([means])  # nothing to add: the panel itself must pass its own, lower bar
    largest = max(n_max, int(sizes.max(initial=1)))
    return hybrid_look(means, left_out, sizes, largest, alpha, policy.leave_one_out_alpha, bound)


def looked_at(contest: Contest) -> list[str]:
    """The prompts that a look counts, in order: those with a vote that counts, if only as a loss."""
    return contest.prompts[_seen(contest)].tolist()


def _seen(contest: Contest) -> np.ndarray:
    return np.isfinite(contest.means) | np.isfinite(contest.against)


def _neutral(values: Floats, families: np.ndarray) -> Floats:
    """Family means; ½, which moves no e-process, where nobody's vote counts."""
    return family_means(np.where(np.isfinite(values), values, 0.5), families)[0]
