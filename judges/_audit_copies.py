"""The audit of copies: votes that stand in the file twice, prompts under two ids, one judge under two names."""

from collections.abc import Iterator
from itertools import combinations

import polars as pl

from venire.judges._audit_finding import (
    CELL,
    COPIED,
    MEASURED,
    PAIR,
    ROW,
    Finding,
    count,
    effect,
    row_list,
    several,
    without,
)
from venire.judges.votes import complete_orders

# Where no answers are known, equal text alone must show that a prompt stands there twice. A judge has set phrases
# ("Both answers are correct and clear, so it is a tie."); two sentences of prose, 160 characters of 20 different words,
# are beyond them, and so are scores in JSON. What he says on more than five prompts is a set phrase at any length.
_COPIED_ALONE = 160
_COPIED_WORDS = 20
_SET_PHRASE = 5
_WORD = r"\p{Han}|\p{Hiragana}|\p{Katakana}|\p{L}+"
# Two good judges agree on much; on all of 30 prompts in both orders, with ten votes for either side, they do not.
_SHARED_PROMPTS = 30
_SHARED_SPREAD = 10


def repeated_rows(votes: pl.DataFrame) -> Iterator[Finding]:
    """Copies: one cell with the same verdict and text, or the same answers and long text under another prompt's id.

    A file that numbers its repeats says that they are repeats; equal words at temperature 0 are no copy then. Nor are
    epochs with equal answers, which one call serves: they are averaged inside the prompt.
    """
    numbered = pl.col("repeat").n_unique().over(CELL) == pl.len().over(CELL)
    unmarked = votes.filter(~numbered)
    nth = pl.int_range(pl.len()).over([*CELL, "verdict", "judgment", "sha_candidate", "sha_incumbent"])
    copies = unmarked.filter(nth > 0)
    others = unmarked.filter(nth == 0, pl.col(ROW) != pl.col(ROW).min().over(CELL))
    renamed = _renamed(votes)
    rows = sorted({*copies[ROW].to_list(), *renamed})
    if rows:
        how = [f"{count(copies.height, 'copy')} of the same {_what_is_equal(copies)}"] if copies.height else []
        how += [f"{count(len(renamed), 'copy')} under another prompt's id, word for word"] if renamed else []
        yield Finding(
            "repeated_rows",
            "error",
            rows,
            f"{count(len(rows), 'vote')} stand in the file twice: {'; '.join(how)}",
            "counted once, " + effect(votes, without(votes, rows)),
        )
    if others.height:
        differ = unmarked.filter(pl.col("verdict").n_unique().over(CELL) > 1).select(CELL).unique()
        yield Finding(
            "repeated_rows",
            "warning",
            row_list(others),
            f"{count(others.height, 'further vote')} of a judge on the same prompt and order, not numbered as repeats; "
            f"in {count(differ.height, 'case')} they contradict each other",
            "with only the first of each, " + effect(votes, without(votes, others[ROW])),
        )


def _what_is_equal(copies: pl.DataFrame) -> str:
    """What is known to be equal in rows of one cell, answers and text only where they are recorded."""
    names = ["judge", "prompt", "order", "verdict"]
    answers = pl.all_horizontal(pl.col("sha_candidate", "sha_incumbent").is_not_null())
    names += ["answers"] if copies.select(answers.all()).item() else []
    names += ["raw text"] if copies["judgment"].null_count() == 0 else []
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _renamed(votes: pl.DataFrame) -> list[int]:
    """Rows whose judgement stands under the id of a prompt further up, too."""
    content = ["judge", *PAIR, "candidate_first", "sha_candidate", "sha_incumbent", "judgment"]
    answers = pl.all_horizontal(pl.col("sha_candidate", "sha_incumbent").is_not_null())
    rank = pl.col(ROW).min().over("prompt_id")
    ranked = votes.with_columns(rank=rank)
    elsewhere = pl.col("rank") != pl.col("rank").min()
    known = ranked.filter(answers, pl.col("judgment").str.len_chars() >= COPIED).filter(elsewhere.over(content))
    unknown = ranked.filter(
        ~answers,
        pl.col("verdict") != "invalid",
        pl.col("judgment").str.len_chars() >= _COPIED_ALONE,
        ~pl.col("judgment").str.contains(MEASURED, literal=True),
    )
    recorded = [*content, "verdict", "label_mapping", "len_candidate", "len_incumbent"]
    phrase = pl.col("prompt_id").n_unique().over("judge", *PAIR, "judgment") > _SET_PHRASE
    words = pl.col("judgment").str.extract_all(_WORD).list.n_unique()
    twice = unknown.filter(elsewhere.over(recorded) & ~phrase).filter(words >= _COPIED_WORDS)
    # All that the judge says of the prompt is copied, or it is another prompt of which he says one equal thing.
    whole = votes.filter(pl.col("verdict") != "invalid").filter(
        pl.col(ROW).is_in(twice[ROW].to_list()).all().over("judge", *PAIR, "prompt_id")
    )
    return [*known[ROW].to_list(), *whole[ROW].to_list()]


def identical_judges(votes: pl.DataFrame) -> Iterator[Finding]:
    """Two names with one and the same vote wherever both voted, in both orders: one of them may be a copy."""
    enough = complete_orders(votes).filter(pl.col("prompt_id").n_unique().over("judge") >= _SHARED_PROMPTS)
    judges = enough["judge"].unique().sort().to_list()
    cell = ["prompt_id", "epoch", "repeat", *PAIR, "candidate_first"]
    vote = pl.concat_str("verdict", pl.col("preference").cast(pl.String).fill_null(""), separator=" ")
    first = enough.with_columns(vote=vote).unique([*cell, "judge"], keep="first", maintain_order=True)
    wide = first.pivot("judge", index=cell, values="vote") if judges else first
    alike = [(one, other) for one, other in combinations(judges, 2) if _agree_in_all(wide, one, other)]
    if not alike:
        return
    named = {name for pair in alike for name in pair}
    copies = votes.filter(pl.col("judge").is_in([other for _, other in alike]))
    judged = count(len(judges) - copies["judge"].n_unique(), "judge")
    yield Finding(
        "judge_identity",
        "warning",
        row_list(votes.filter(pl.col("judge").is_in(named))),
        f"judges that agree in every vote, at least {_SHARED_PROMPTS} prompts in both orders with wins and losses: "
        + several([f"{one} = {other}" for one, other in alike]),
        f"the panel may be {judged}, not {len(judges)}, and agreement between "
        f"copies means nothing; each counted once, {effect(votes, without(votes, copies[ROW]))}",
    )


def _agree_in_all(wide: pl.DataFrame, one: str, other: str) -> bool:
    """Do two columns of votes never differ, on prompts enough and with wins and losses enough?"""
    both = wide.filter(pl.col(one).is_not_null(), pl.col(other).is_not_null())
    if both.select((pl.col(one) != pl.col(other)).any()).item():
        return False
    orders = both.filter(pl.col("candidate_first").n_unique().over("prompt_id", *PAIR) == 2)
    spread = [orders.filter(pl.col(one).str.starts_with(verdict)).height for verdict in ("candidate", "incumbent")]
    return orders["prompt_id"].n_unique() >= _SHARED_PROMPTS and min(spread) >= _SHARED_SPREAD
