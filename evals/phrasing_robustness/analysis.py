"""Does a model know facts, or phrasings? Suites whose items are facts × templates, with the intervals that this takes.

    phrasings(results, answers)     one row for each suite, contender and metric of that kind
    with_templates(results, answers)   the scores with the template and the side of each item, for curves of their own

A suite is of that kind if the metadata of its samples name a `template` and its `split`, `trained` or `novel`; the fact
is the sample's `family`. Templates stand in many facts, so intervals are over both (docs/statistics.md, "Phrasings");
what looks too good or too alike is a red flag. Other suites are left out. An item asked several times is still one.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from venire.judges.statistics.phrasing import PhrasingRate, consistency, phrasing_accuracy, phrasing_gap
from venire.judges.statistics.red_flags import RedFlag, phrasing_flags, seed_flags

FEW_TEMPLATES = 5  # novel ones, below which more facts do not help
_ITEM = ["suite", "contender", "sample_id", "epoch"]


def phrasings(
    results: pl.DataFrame, answers: pl.DataFrame, seeds: Sequence[Sequence[str]] = ()
) -> list[dict[str, Any]]:
    """Rows with `suite`, `contender`, `metric`, `facts`, `trained`, `novel`, `gap` (these three with `estimate`,
    `low`, `high`, `n`, `method`), `consistency` and `flags` (`code`, `alarm`, `message`), ready for JSON.

    results, answers: as in suites.parquet and answers.parquet. seeds: sets of contenders that differ by their seed
    alone; answers of theirs that are too alike are flagged. What is undefined is null.
    """
    scored = with_templates(results, answers).drop_nulls("template").filter(pl.col("value").is_in([0.0, 1.0]))
    asked = scored.group_by("suite", "contender", "metric", "sample_id", "family", "template", "split")
    items = asked.agg(pl.col("value").mean()).sort("suite", "contender", "metric", "sample_id")
    rows = [_row(part) for _, part in items.group_by("suite", "contender", "metric", maintain_order=True)]
    for suite, metric, names, flag in _alike(items, seeds):
        for row in rows:
            if (row["suite"], row["metric"]) == (suite, metric) and row["contender"] in names:
                row["flags"].append(_flag(flag))
    return rows


def with_templates(results: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """`results` with `template` and `split`, as the samples' metadata in `answers` have them; null in other suites."""
    told = [
        (*row[:4], str(data["template"]), str(data["split"]))
        for row in answers.select(*_ITEM, "metadata").iter_rows()
        if (data := _metadata(row[4])).get("template") and data.get("split") in ("trained", "novel")
    ]
    types = {name: results.schema[name] for name in _ITEM} | {"template": pl.String(), "split": pl.String()}
    return results.join(pl.DataFrame(told, schema=types, orient="row"), on=_ITEM, how="left")


def _metadata(text: Any) -> dict[str, Any]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _row(part: pl.DataFrame) -> dict[str, Any]:
    x, novel = part["value"].to_numpy(), (part["split"] == "novel").to_numpy()
    facts, templates = part["family"].to_numpy(), part["template"].to_numpy()
    sides = {
        name: phrasing_accuracy(x[kept], facts[kept], templates[kept]) if kept.any() else None
        for name, kept in (("trained", ~novel), ("novel", novel))
    }
    trained, other = sides["trained"], sides["novel"]
    both = bool(np.intersect1d(facts[novel], facts[~novel]).size)
    leaks = sorted(set(templates[novel]) & set(templates[~novel]))
    gap = phrasing_gap(x, facts, novel, templates) if both and not leaks else None
    alike = consistency((x >= 0.5).astype(float), facts)
    whole = consistency((x == 1).astype(float), facts).all_correct  # right every time it was asked
    flags = [_flag(f) for f in phrasing_flags(trained, other, gap, x.size)] if trained and other and gap else []
    if leaks:
        text = f"templates {', '.join(leaks)} are both trained and novel: what is called novel is not"
        flags.append({"code": "shared_template", "alarm": True, "message": text})
    if other and 0 < other.templates < FEW_TEMPLATES:
        text = f"{other.templates} novel templates: below {FEW_TEMPLATES} more facts do not narrow the interval"
        flags.append({"code": "few_templates", "alarm": False, "message": text})
    return {
        **part.select("suite", "contender", "metric").row(0, named=True),
        "facts": part["family"].n_unique(),
        "trained": _rate(trained, int((~novel).sum())),
        "novel": _rate(other, int(novel.sum())),
        "gap": _rate(gap, x.size),
        "consistency": {
            "mean": _number(alike.mean),
            "corrected": _number(alike.corrected),
            "all_phrasings": {"estimate": whole.estimate, "low": whole.low, "high": whole.high},
        },
        "flags": flags,
    }


def _alike(items: pl.DataFrame, seeds: Sequence[Sequence[str]]) -> Iterator[tuple[str, str, set[str], RedFlag]]:
    """Flags over contenders of one recipe with several seeds, on the items that all of them have."""
    for group in seeds:
        mine = items.filter(pl.col("contender").is_in(list(group))).with_columns(pl.col("value").round())
        for (suite, metric), part in mine.group_by("suite", "metric", maintain_order=True):
            table = part.pivot(on="contender", index="sample_id", values="value").drop_nulls()
            names = [name for name in group if name in table.columns]
            if table.height and len(names) > 1:
                found = seed_flags(table.select(names).to_numpy().T)
                yield from ((str(suite), str(metric), set(names), flag) for flag in found)


def _flag(flag: RedFlag) -> dict[str, Any]:
    return {"code": flag.code, "alarm": flag.alarm, "message": flag.message}


def _rate(rate: PhrasingRate | None, n: int) -> dict[str, Any] | None:
    if rate is None:
        return None
    numbers = {"estimate": rate.estimate, "low": rate.low, "high": rate.high}
    return {key: _number(value) for key, value in numbers.items()} | {"n": n, "method": rate.method}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
