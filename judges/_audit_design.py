"""The audit of the design: orders, copies, distinct prompts and answers, lengths, places, votes that are missing."""

from collections.abc import Iterator

import numpy as np
import polars as pl
from scipy import stats

from venire.judges._audit_copies import identical_judges, repeated_rows
from venire.judges._audit_finding import (
    PAIR,
    ROW,
    Finding,
    count,
    decisive,
    effect,
    headlines,
    row_list,
    several,
    without,
)
from venire.judges.statistics import frames
from venire.judges.statistics.length import length_controlled
from venire.judges.statistics.panel import prompt_means
from venire.judges.statistics.position import Position, position
from venire.judges.statistics.winrate import MIN_PROMPTS
from venire.judges.votes import complete_orders, value

_FEW = 0.8  # distinct prompts or answer pairs below this share of the rows that claim to be different
_COVERAGE = 0.9  # a judge below this share of the prompts leaves a gap worth naming
_CONSTANT_PROMPTS = 5
_CONSTANT_SHARE = 0.2
_LONGER = 0.6  # share of decided prompts that the longer answer wins, from which it is worth a warning


def design_findings(votes: pl.DataFrame) -> Iterator[Finding]:
    """Everything that needs no raw text. Anchor pairs and people's single looks are other designs: left out."""
    panel = votes.filter(~pl.col("use").is_in(["anchor", "human", "informal"]))
    if panel.height == 0:
        return
    yield from _single_order(panel)
    yield from repeated_rows(panel)
    yield from identical_judges(panel)
    yield from _few_prompts(panel)
    yield from _identical_outputs(panel)
    yield from _constant_output(panel)
    yield from _longer_wins(panel)
    yield from _position_bias(panel)
    yield from _missing_votes(panel)


def _single_order(votes: pl.DataFrame) -> Iterator[Finding]:
    valid = votes.filter(pl.col("verdict") != "invalid")
    paired = complete_orders(valid)
    single = valid.filter(~pl.col(ROW).is_in(paired[ROW].to_list()))
    whole = [pair for pair in valid.select(PAIR).unique(maintain_order=True).rows() if not _has(paired, pair)]
    if single.height == 0:
        return
    if whole:
        always = valid.filter(pl.col("candidate_first").n_unique().over(PAIR) == 1)
        place = f"; in {count(always.height, 'row')} the candidate's place never changes" if always.height else ""
        names = several([f"{candidate} against {incumbent}" for candidate, incumbent in whole])
        yield Finding(
            "single_order",
            "error",
            row_list(single),
            f"no judge saw both orders of any prompt of {names}{place}: a taste for a place cannot be told from a win",
            effect(votes, paired),
        )
    else:
        yield Finding(
            "single_order",
            "warning",
            row_list(single),
            f"{count(single.height, 'vote')} of {valid.height} have no valid one in the other order: left out",
            _both_or_any(valid),
        )


def _has(votes: pl.DataFrame, pair: tuple) -> bool:
    return votes.filter(candidate=pair[0], incumbent=pair[1]).height > 0


def _both_or_any(votes: pl.DataFrame) -> str:
    sentences = []
    for comparison in frames.comparisons(decisive(votes), "keep"):
        means = [np.nanmean(prompt_means(comparison.panel.cells(orders))) for orders in ("both", "any")]
        sentences.append(
            f"{comparison.candidate} against {comparison.incumbent}: {means[0]:.3f} with both orders, "
            f"{means[1]:.3f} with the single ones"
        )
    return several(sentences)


def _few_prompts(votes: pl.DataFrame) -> Iterator[Finding]:
    # Numbered, several looks at a prompt do not pass for more: one of each is held against the rest.
    look = pl.col("epoch").cast(pl.Int64) * 2**31 + pl.col("repeat").cast(pl.Int64)
    once = votes.filter(look == look.min().over([*PAIR, "prompt_id"]))
    yield from _looks_again(votes, once)
    for pair, rows in once.group_by(PAIR, maintain_order=True):
        name = f"{pair[0]} against {pair[1]}"
        # The rows that one judge's one order counts as different looks, against what is different in them.
        looks = max(rows.group_by("judge", "candidate_first").len()["len"].to_list())
        prompts = rows["prompt_id"].n_unique()  # families are declared, and every interval respects them
        shas = pl.concat_str("sha_candidate", "sha_incumbent")
        answers = pl.coalesce(shas, shas.drop_nulls().first().over("prompt_id"), "prompt_id")
        pairs = rows.select(answers.n_unique()).item()  # where answers are unknown, no more than there are prompts
        if looks >= 3 and min(prompts, pairs) < _FEW * looks:
            known = rows.select(shas.is_not_null().any()).item()
            plain = rows.with_columns(family=pl.col(ROW).cast(pl.String), prompt_id=pl.col(ROW).cast(pl.String))
            naive = next(iter(headlines(plain.with_columns(candidate_first=True)).values()), "nothing")
            clusters = "answers" if pairs < prompts else "prompt_id"
            right = next(iter(headlines(rows.with_columns(answers=answers), clusters).values()), "nothing")
            yield Finding(
                "few_prompts",
                "warning",
                row_list(rows),
                f"{name}: {looks} votes a judge and order rest on {count(prompts, 'distinct prompt')}"
                + (f" and {count(pairs, 'distinct answer pair')}" if known else ""),
                f"counted as independent rows the win rate is {naive}; by what is distinct, {right}",
            )
        elif prompts < MIN_PROMPTS:
            yield Finding(
                "few_prompts",
                "warning",
                row_list(rows),
                f"{name}: {count(prompts, 'prompt')}; below {MIN_PROMPTS} no interval may decide",
                "the headline is inconclusive, whatever it says",
            )


def _looks_again(votes: pl.DataFrame, once: pl.DataFrame) -> Iterator[Finding]:
    """Looks that are numbered as repeats or epochs of a prompt: right as they are, and no more prompts for it."""
    again = votes.filter(~pl.col(ROW).is_in(once[ROW].to_list()))
    for pair, rows in again.group_by(PAIR, maintain_order=True):
        mine = votes.filter(candidate=pair[0], incumbent=pair[1])
        looks = max(mine.group_by("judge", "candidate_first").len()["len"].to_list())
        if mine["prompt_id"].n_unique() >= _FEW * looks:
            continue
        yield Finding(
            "few_prompts",
            "note",
            row_list(rows),
            f"{pair[0]} against {pair[1]}: {count(rows.height, 'vote')} of {mine.height} are repeats or further epochs "
            f"of {count(mine['prompt_id'].n_unique(), 'distinct prompt')}",
            "none: every figure takes a prompt's mean first, and counts prompts",
        )


def _identical_outputs(votes: pl.DataFrame) -> Iterator[Finding]:
    known = votes.filter(pl.col("sha_candidate").is_not_null(), pl.col("sha_incumbent").is_not_null())
    same = known.filter(pl.col("sha_candidate") == pl.col("sha_incumbent"))
    if same.height:
        decided = same.filter(pl.col("verdict").is_in(["candidate", "incumbent"])).height
        share = same.height / known.height
        yield Finding(
            "identical_outputs",
            "warning" if decided or share > 0.1 else "note",
            row_list(same),
            f"{count(same.height, 'vote')} of {known.height} ({share:.0%}) compare an answer with itself"
            + (f"; {decided} of them name a winner" if decided else ""),
            "without them, " + effect(votes, without(votes, same[ROW])),
        )
    answers = known.select(
        "prompt_id", "epoch", pl.col("candidate").alias("contender"), pl.col("sha_candidate").alias("sha")
    )
    twins = (
        answers.unique(maintain_order=True)
        .group_by("contender", maintain_order=True)
        .agg(pl.struct("prompt_id", "epoch", "sha").sort().alias("answers"))
    )
    seen: dict[str, str] = {}
    for contender, given in twins.iter_rows():
        key = repr(given)
        if key in seen and len(given) >= _CONSTANT_PROMPTS:
            rows = votes.filter(pl.col("candidate").is_in([seen[key], contender]))
            yield Finding(
                "identical_outputs",
                "warning",
                row_list(rows),
                f"{seen[key]} and {contender} gave the same {len(given)} answers, byte for byte: one model, two names",
                "choosing between them chooses between the judges' moods; count them as one candidate",
            )
        seen.setdefault(key, contender)


def _constant_output(votes: pl.DataFrame) -> Iterator[Finding]:
    for side in ("candidate", "incumbent"):
        answers = (
            votes.filter(pl.col(f"sha_{side}").is_not_null()).select("prompt_id", "epoch", side, f"sha_{side}").unique()
        )
        for (contender,), given in answers.group_by(side, maintain_order=True):
            top = (
                given.group_by(f"sha_{side}")
                .agg(pl.col("prompt_id").n_unique().alias("n"))
                .sort("n", f"sha_{side}")
                .tail(1)
            )
            n, prompts = int(top["n"].item()), given["prompt_id"].n_unique()
            if n < _CONSTANT_PROMPTS or n < _CONSTANT_SHARE * prompts:
                continue
            rows = votes.filter(pl.col(side) == contender, pl.col(f"sha_{side}") == top[f"sha_{side}"].item())
            yield Finding(
                "constant_output",
                "error" if n == prompts else "warning",
                row_list(rows),
                f"{contender} gives one and the same answer to {n} of {prompts} prompts",
                "without these, " + effect(votes, without(votes, rows[ROW])),
                tuple(rows["candidate"].unique().sort()),
            )


def _longer_wins(votes: pl.DataFrame) -> Iterator[Finding]:
    """Per judge: prompts where the longer answer won against those where it lost, by the sign of the mean vote."""
    share = votes.with_columns(share=value()).filter(pl.col("share").is_not_null())
    longer = (pl.col("len_candidate").mean() - pl.col("len_incumbent").mean()).sign()
    units = share.group_by(["judge", *PAIR, "prompt_id"]).agg(
        won=(pl.col("share").mean() - 0.5).round(12).sign(), longer=longer, rows=pl.col(ROW)
    )
    decided = units.filter(pl.col("won") != 0, pl.col("longer") != 0, pl.col("longer").is_not_null())
    for (judge,), mine in decided.sort("judge", *PAIR, "prompt_id").group_by("judge", maintain_order=True):
        hits, n = int((mine["won"] == mine["longer"]).sum()), mine.height
        if n < MIN_PROMPTS or hits / n < _LONGER or stats.binomtest(hits, n, 0.5, alternative="greater").pvalue > 0.05:
            continue
        yield Finding(
            "longer_wins",
            "warning",
            sorted(mine["rows"].explode().to_list()),
            f"under {judge} the longer answer wins {hits} of {n} decided prompts ({hits / n:.0%})",
            _at_equal_length(votes.filter(judge=judge)),
        )


def _at_equal_length(votes: pl.DataFrame) -> str:
    sentences = []
    for comparison in frames.comparisons(votes, "keep"):
        means = prompt_means(comparison.panel.cells("any"))
        controlled = length_controlled(means, comparison.log_ratio, comparison.panel.clusters)
        at_equal = (
            f"{controlled.estimate:.3f}" if controlled.identifiable else "not identifiable (lengths do not overlap)"
        )
        name = f"{comparison.candidate} against {comparison.incumbent}"
        sentences.append(f"{name}: {np.nanmean(means):.3f}, at equal length {at_equal}")
    return several(sentences)


def _position_bias(votes: pl.DataFrame) -> Iterator[Finding]:
    for comparison in frames.comparisons(votes, "keep"):
        for j, judge in enumerate(comparison.panel.judges):
            found = position(comparison.panel.y[:, j], comparison.panel.clusters)
            if not (found.warned or found.flagged):
                continue
            mine = {"candidate": comparison.candidate, "incumbent": comparison.incumbent, "judge": judge}
            rows = votes.filter(**mine)
            yield Finding(
                "position_bias",
                "warning",
                row_list(rows),
                f"{judge} on {comparison.candidate} against {comparison.incumbent}: {_pull(found)}; the verdict stays "
                f"the same in {found.same_verdict:.0%} of {found.pairs} prompts, {found.first_slot_both} stay with the "
                f"first place and {found.second_slot_both} with the second",
                "both orders cancel it; without this judge, " + effect(votes, without(votes, rows[ROW])),
            )


def _pull(found: Position) -> str:
    """What being shown first, or second, adds; or that the order only unsettles the judge."""
    sign = 1 if found.bias >= 0 else -1
    low, high = sorted((sign * found.low, sign * found.high))
    where = "first" if sign > 0 else "second"
    adds = f"{abs(found.bias):.2f} (95% {low:.2f} to {high:.2f})"
    if low > 0:
        return f"being shown {where} adds {adds}"
    return f"it contradicts itself when the order changes, without a taste for a place (being shown {where}: {adds})"


def _missing_votes(votes: pl.DataFrame) -> Iterator[Finding]:
    """Prompts on which a judge has no valid vote: none was cast, or none of those that were holds a verdict."""
    valid = pl.col("verdict") != "invalid"
    for pair, rows in votes.group_by(PAIR, maintain_order=True):
        prompts = rows["prompt_id"].n_unique()
        seen = rows.group_by("judge", maintain_order=True).agg(pl.col("prompt_id").filter(valid).n_unique().alias("n"))
        gaps = seen.filter(pl.col("n") < _COVERAGE * prompts)
        if gaps.height == 0:
            continue
        name = f"{pair[0]} against {pair[1]}"
        judges = seen.filter(pl.col("n") > 0).height
        if judges == 0:
            said = f"{name}: not one of {count(rows.height, 'vote')} is valid"
            yield Finding("missing_votes", "error", row_list(rows), said, "there is no headline", (str(pair[0]),))
            continue
        usable = rows.filter(valid)
        everyone = usable.filter(pl.col("judge").n_unique().over("prompt_id") == judges)
        listed = ", ".join(f"{judge} {n} of {prompts}" for judge, n in gaps.iter_rows())
        voted = "all judged" if judges == seen.height else "all judged who have a valid vote"
        yield Finding(
            "missing_votes",
            "warning",
            row_list(rows.filter(pl.col("judge").is_in(gaps["judge"].to_list()))),
            f"{name}: not everybody has a valid vote on every prompt ({listed})",
            f"on the prompts that {voted}, " + effect(usable, everyone),
        )
