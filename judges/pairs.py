"""Pairs: one prompt and two contenders' answers, read from the answers frame, made ready to be shown.

A pair's id is a hash of the prompt and of the two answers as shown, sorted, so that it says nothing of who wrote them:
the same two texts under other names are the same pair, and one judgement serves every comparison that they occur in.
The two answers are called `low` and `high`, by the order of their hashes; which of them is the candidate's is known to
the manifest alone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from venire._common.errors import InputError
from venire._common.hashing import sha256_json, sha256_text

from .scrub import scrub

if TYPE_CHECKING:
    import polars as pl

Use = Literal["gate", "screen", "anchor", "informal"]
Side = Literal["low", "high"]


@dataclass(frozen=True)
class Answer:
    """One contender's answer: `text` as generated, `shown` as a judge sees it, `flags` of what scrub() found."""

    contender: str
    text: str
    shown: str
    flags: tuple[str, ...] = ()

    @cached_property
    def sha256(self) -> str:
        """Of the text as generated: what the logs hold."""
        return sha256_text(self.text)

    @cached_property
    def sha256_shown(self) -> str:
        """Of the text as shown."""
        return sha256_text(self.shown)


@dataclass(frozen=True)
class Pair:
    """One prompt, two answers, and what they are used for."""

    prompt_id: str
    epoch: int
    family: str
    domain: str | None
    prompt: str
    reference: str | None
    contrast: str | None
    candidate: Answer
    incumbent: Answer
    seed: int
    use: Use = "gate"

    @cached_property
    def id(self) -> str:
        """Opaque, the same whichever of the two is the candidate's. It stands in samples and judge logs."""
        shown = sorted([self.candidate.sha256_shown, self.incumbent.sha256_shown])
        return sha256_json([self.seed, self.prompt_id, self.prompt, self.reference, self.contrast, shown])[:24]

    @cached_property
    def candidate_side(self) -> Side:
        """Is the candidate's answer the one with the lower hash? Of two equal answers it is `low`."""
        return "low" if self.candidate.sha256_shown <= self.incumbent.sha256_shown else "high"

    @property
    def sides(self) -> dict[Side, Answer]:
        """The two answers by the order of their hashes."""
        mine, other = self.candidate, self.incumbent
        return {"low": mine, "high": other} if self.candidate_side == "low" else {"low": other, "high": mine}

    @property
    def identical(self) -> bool:
        """Would a judge see the same text twice? Then nobody is asked: it is a tie."""
        return self.candidate.shown == self.incumbent.shown

    @property
    def flags(self) -> list[str]:
        """What scrub() found in either answer."""
        return sorted({*self.candidate.flags, *self.incumbent.flags})


def make_pairs(
    answers: "pl.DataFrame",
    candidates: Sequence[str],
    incumbent: str,
    *,
    seed: int,
    screen: Collection[str] = (),
    merged: bool = False,
) -> list[Pair]:
    """The pairs of each candidate with the incumbent, in the frame's order of prompts.

    `answers` is `read_answers` with a column `contender`. Prompts whose id stands in `screen` are for screening, the
    rest for the gate. A family that two suites share by chance alone (`chance_families`) is told apart by the suite's
    name, unless `merged`. Raises InputError if a contender answered nothing, not every prompt, or another prompt under
    the same id: a prompt left out silently would bias the comparison.
    """
    import polars as pl

    names = [name for column in ("contender", "model") for name in answers[column].unique().sort().to_list()]
    apart = set() if merged else chance_families(answers)
    rows = {
        contender: _by_prompt(answers.filter(pl.col("contender") == contender), contender)
        for contender in dict.fromkeys([*candidates, incumbent])
    }
    return [
        _pair(rows[candidate][key], rows[incumbent][key], names, seed, screen, apart)
        for candidate in candidates
        for key in _shared(rows, candidate, incumbent)
    ]


def chance_families(answers: "pl.DataFrame") -> set[str]:
    """Families in several suites that are, in one of them at least, but the id of a sample that names no family."""
    import polars as pl

    by_suite = answers.group_by("family", "suite").agg(bare=(pl.col("sample_id") == pl.col("family")).all())
    shared = by_suite.group_by("family").agg(suites=pl.len(), bare=pl.col("bare").any())
    return set(shared.filter(pl.col("suites") > 1, pl.col("bare"))["family"].drop_nulls())


def prompt_id(suite: str, sample_id: Any) -> str:
    """What a prompt is called in votes: the suite's own name and the sample's id."""
    return f"{suite.rsplit('/', 1)[-1]}/{sample_id}"


def _by_prompt(answers: "pl.DataFrame", contender: str) -> dict[tuple[str, int], dict[str, Any]]:
    rows = {(prompt_id(r["suite"], r["sample_id"]), r["epoch"]): r for r in answers.iter_rows(named=True)}
    if not rows:
        raise InputError(f"pairs: the logs hold no answer of {contender!r}; run: venire eval")
    failed = [key for key, row in rows.items() if row["stop_reason"] == "error"]
    if failed:
        raise InputError(
            f"pairs: {contender!r} failed on {len(failed)} prompts, the first {failed[0][0]!r}; run: venire eval"
        )
    if len(rows) < answers.height:
        raise InputError(f"pairs: {contender!r} answered some prompt twice in the logs; keep one log a suite")
    return rows


def _shared(rows: dict[str, dict[Any, Any]], candidate: str, incumbent: str) -> list[Any]:
    for one, other in ((candidate, incumbent), (incumbent, candidate)):
        missing = [key for key in rows[one] if key not in rows[other]]
        if missing:
            raise InputError(
                f"pairs: {other!r} has no answer to {len(missing)} prompts that {one!r} answered, "
                f"the first {missing[0][0]!r}; finish with: venire eval"
            )
    return list(rows[candidate])


def _pair(
    mine: dict[str, Any],
    other: dict[str, Any],
    names: list[str],
    seed: int,
    screen: Collection[str],
    apart: Collection[str],
) -> Pair:
    name = prompt_id(mine["suite"], mine["sample_id"])
    if mine["prompt"] != other["prompt"]:
        raise InputError(
            f"pairs: {mine['contender']!r} and {other['contender']!r} were asked different questions under the id "
            f"{name!r}; answers to one prompt are compared"
        )
    return Pair(
        prompt_id=name,
        epoch=mine["epoch"] - 1,  # Inspect counts from 1, votes from 0
        family=prompt_id(mine["suite"], mine["family"]) if mine["family"] in apart else mine["family"] or name,
        domain=mine["domain"],
        prompt=mine["prompt"],
        reference=mine["reference"] or None,
        contrast=mine["contrast"] or None,
        candidate=_answer(mine, names),
        incumbent=_answer(other, names),
        seed=seed,
        use="screen" if name in screen else "gate",
    )


def _answer(row: dict[str, Any], names: list[str]) -> Answer:
    scrubbed = scrub(row["answer"], names)
    return Answer(row["contender"], row["answer"], scrubbed.text, scrubbed.flags)
