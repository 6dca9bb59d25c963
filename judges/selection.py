"""Choosing one of K candidates: which design holds, and whom it chooses.

One candidate: nothing to choose. Fewer judged prompts than `halving_from`: all candidates meet on all prompts, and the
best one's bound is simultaneous (maxT). From there on: sequential halving on a third of the prompts, and the finalist
is judged on the rest, which nobody has looked at.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from venire._common.errors import InputError
from venire.judges.counted import Contest, Floats
from venire.judges.policy import GatePolicy
from venire.judges.statistics.halving import finalist, halving_plan

Design = Literal["single", "max_t", "halving"]


def design_of(candidates: int, prompts: int, policy: GatePolicy) -> Design:
    """The design for K candidates and n distinct judged prompts; it is known before any vote."""
    if candidates == 1:
        return "single"
    return "halving" if prompts >= policy.halving_from else "max_t"


@dataclass(frozen=True)
class Field:
    """K contests over the same n prompts (sorted names): means, against (n, K), left_out (J, n, K); nan: not judged."""

    candidates: tuple[str, ...]
    judges: tuple[str, ...]
    prompts: np.ndarray
    families: np.ndarray
    domains: np.ndarray | None
    means: Floats
    against: Floats
    left_out: Floats


def line_up(found: dict[str, Contest], candidates: tuple[str, ...]) -> Field:
    """The contests of `candidates`, in their order, side by side."""
    prompts = sorted({name for contest in found.values() for name in contest.prompts.tolist()})
    judges = sorted({name for contest in found.values() for name in contest.judges})
    row, seat = {name: i for i, name in enumerate(prompts)}, {name: j for j, name in enumerate(judges)}
    shape = (len(prompts), len(candidates))
    means, against = np.full(shape, np.nan), np.full(shape, np.nan)
    left_out = np.full((len(judges), *shape), np.nan)
    families, domains = np.array(prompts, dtype=object), np.full(len(prompts), "", dtype=object)
    for k, name in enumerate(candidates):
        contest = found.get(name)
        if contest is None:
            continue
        rows = np.array([row[prompt] for prompt in contest.prompts.tolist()])
        means[rows, k], against[rows, k] = contest.means, contest.against
        left_out[:, rows, k] = contest.means  # a judge who never sat here changes nothing by leaving
        for j, judge in enumerate(contest.judges):
            left_out[seat[judge], rows, k] = contest.left_out[:, j]
        families[rows] = contest.families
        if contest.domains is not None:
            domains[rows] = contest.domains
    return Field(
        candidates,
        tuple(judges),
        np.array(prompts),
        families.astype(str),
        domains.astype(str),
        means,
        against,
        left_out,
    )


def choose_by_halving(field: Field, seed: int) -> tuple[str, list[str]]:
    """The finalist by halving on a third of the prompts, and the prompts that are left to confirm it, in order."""
    plan = halving_plan(field.families, len(field.candidates), field.domains, seed)
    name = field.candidates[finalist(field.means, plan)]
    return name, field.prompts[plan.confirm].tolist()


def screened_finalist(votes: pl.DataFrame, source: str) -> str | None:
    """Whom a file's screen chose: the one candidate with `gate` votes. None where nothing was screened.

    Raises InputError where the file does not say who it was, or where the screen saw families that are to decide.
    """
    screen, confirm = (votes.filter(pl.col("use") == use) for use in ("screen", "gate"))
    if screen.height == 0:
        return None
    names = confirm["candidate"].unique().sort().to_list()
    if len(names) != 1:
        seen = f"{len(names)} candidates ({', '.join(names[:5])})" if names else "nobody"
        raise InputError(
            f"{source}: its screen votes chose a finalist, and that is the one candidate with votes of use gate; here "
            f"{seen} has them; judge the finalist on the prompts that were held out"
        )
    both = sorted(set(screen["family"]) & set(confirm["family"]))
    if both:
        raise InputError(
            f"{source}: prompt family {both[0]!r} ({len(both)} in all) has votes of use screen and of use gate; what "
            "chose the finalist cannot confirm it"
        )
    return names[0]
