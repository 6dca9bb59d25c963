"""The audit of labels: what A and B stand for where it is not recorded, and whether they ever move."""

from collections.abc import Iterator

import polars as pl

from venire.judges._audit_finding import PAIR, ROW, Finding, count, effect, headlines, replaced, row_list, without
from venire.judges.verdict_text import read_mapping

_EXPLAINS = 0.95  # share of verdicts that a label mapping must give to be the one in use
_RECORDED = 5  # votes with a recorded mapping from which labels that never moved are no chance
# Votes in either order from which verdicts show a mapping that is not recorded. Ten of ten in both orders come about
# once in 2²⁰ where a coin moved the labels; a mapping that follows the order is the reverse in one of them.
_SHOWN = 10
_WINNERS = ("candidate", "incumbent")
_ALWAYS = {"incumbent": "A is always the incumbent", "candidate": "A is always the candidate"}


def label_mapping(votes: pl.DataFrame, read: pl.DataFrame) -> Iterator[Finding]:
    """Where labels are not recorded: which of the four simple mappings gives the verdicts that stand there."""
    unmapped = read.filter(~pl.col("mapped"), pl.col("said").is_in(["A", "B"]))
    settled = unmapped.filter(pl.col("verdict").is_in(_WINNERS))
    if settled.height == 0:
        return
    first = pl.col("candidate_first")
    is_a = pl.col("said") == "A"
    hypotheses = {
        _ALWAYS["incumbent"]: ~is_a,
        _ALWAYS["candidate"]: is_a,
        "A is what is recorded as shown first": is_a == first,
        "A is what is recorded as shown second": is_a != first,
    }
    shares, rates = {}, {}
    for name, wins in hypotheses.items():
        verdict = pl.when(wins).then(pl.lit("candidate")).otherwise(pl.lit("incumbent"))
        shares[name] = float(settled.select((verdict == pl.col("verdict")).mean()).item())
        other = headlines(replaced(votes, unmapped.select(ROW, verdict=verdict)))
        rates[name] = "; ".join(str(headline) for headline in list(other.values())[:1])
    best = max(shares, key=lambda name: shares[name])
    obeyed = [name for name, share in shares.items() if share >= _EXPLAINS]
    rules = "; ".join(f"{name}: {share:.0%}" for name, share in shares.items())
    yield Finding(
        "label_mapping",
        "warning" if obeyed else "error",
        row_list(unmapped),
        f"{count(unmapped.height, 'row')} name a label whose meaning is not recorded; the verdicts obey "
        + (f"“{' and '.join(obeyed)}”" if obeyed else f"no one mapping, “{best}” the most")
        + f" ({rules} of {settled.height})",
        "if the labels meant otherwise, the win rate would be: "
        + "; ".join(f"{rates[name]} if {name}" for name in hypotheses if name not in obeyed),
    )


def fixed_labels(votes: pl.DataFrame, read: pl.DataFrame) -> Iterator[Finding]:
    """Labels that never move, by what is recorded of them and, where nothing is, by the mapping the verdicts obey."""
    recorded = _recorded_as_fixed(votes)
    yield from _never_move(votes, recorded, "")
    accused = recorded[ROW].explode()
    obeyed = _obeyed_as_fixed(read.filter(~pl.col("mapped"), ~pl.col(ROW).is_in(accused.to_list())))
    yield from _never_move(votes, obeyed, "not recorded, but their verdicts obey in both orders: ")


def _never_move(votes: pl.DataFrame, fixed: pl.DataFrame, source: str) -> Iterator[Finding]:
    if fixed.height == 0:
        return
    rows = sorted(fixed[ROW].explode().to_list())
    names = ", ".join(fixed["judge"].unique(maintain_order=True))
    mapping = "; ".join(fixed["mapping"].unique(maintain_order=True))
    yield Finding(
        "fixed_labels",
        "error",
        rows,
        f"in all {count(len(rows), 'vote')} of {names} the labels never move ({source}{mapping}): a taste for a label "
        "cannot be told from a win",
        f"without these votes, {effect(votes, without(votes, rows))}; no arithmetic can mend them",
    )


def _recorded_as_fixed(votes: pl.DataFrame) -> pl.DataFrame:
    """The judges of each comparison with one mapping in all rows, however it is spelled: `judge`, `mapping`, rows."""
    known = votes.filter(pl.col("label_mapping").is_not_null(), pl.col("use") != "anchor")
    spelled = {text: _spelling(text) for text in known["label_mapping"].unique().to_list()}
    fixed = known.with_columns(mapping=pl.col("label_mapping").replace(spelled)).group_by(
        [*PAIR, "judge"], maintain_order=True
    )
    every = fixed.agg(pl.col("mapping").n_unique().alias("kinds"), pl.col("mapping").first(), pl.col(ROW), pl.len())
    return every.filter(pl.col("kinds") == 1, pl.col("len") >= _RECORDED)


def _spelling(mapping: str) -> str:
    """One way to write a mapping; one that cannot be read stands as it is."""
    sides = read_mapping(mapping)
    return ";".join(f"{label}={sides[label]}" for label in sorted(sides)) or mapping


def _obeyed_as_fixed(unmapped: pl.DataFrame) -> pl.DataFrame:
    """The judges of each comparison whose verdicts give A to one contender in either order: as above."""
    settled = unmapped.filter(
        pl.col("said").is_in(["A", "B"]), pl.col("verdict").is_in(_WINNERS), pl.col("use") != "anchor"
    )
    a_is_candidate = (pl.col("said") == "A") == (pl.col("verdict") == "candidate")
    orders = settled.group_by([*PAIR, "judge", "candidate_first"], maintain_order=True).agg(
        a_is_candidate.mean().alias("share"), pl.len(), pl.col(ROW)
    )
    judges = orders.group_by([*PAIR, "judge"], maintain_order=True).agg(
        pl.col("share").min().alias("low"),
        pl.col("share").max().alias("high"),
        pl.col("len").min(),
        pl.len().alias("orders"),
        pl.col(ROW).explode(),
    )
    clear = judges.filter(pl.col("orders") == 2, pl.col("len") >= _SHOWN)
    candidate, incumbent = pl.col("low") >= _EXPLAINS, pl.col("high") <= 1 - _EXPLAINS
    mapping = pl.when(candidate).then(pl.lit(_ALWAYS["candidate"])).otherwise(pl.lit(_ALWAYS["incumbent"]))
    return clear.filter(candidate | incumbent).with_columns(mapping=mapping)
