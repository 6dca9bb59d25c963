"""Who is who: the contender behind a row of the suites and answers frames."""

from typing import Any

import polars as pl

from .files import RunFiles


def with_contender(frame: pl.DataFrame, files: RunFiles) -> pl.DataFrame:
    """The frame with a column `contender`: from contenders.json, else from model and treatment."""
    if "contender" in frame.columns:
        return frame
    known = {(c["model"], c["treatment"]): c["name"] for c in files.contenders}
    pairs = frame.select("model", "treatment").unique()
    names = [known.get((model, treatment)) or named(model, treatment) for model, treatment in pairs.iter_rows()]
    return frame.join(pairs.with_columns(pl.Series("contender", names)), on=["model", "treatment"], how="left")


def named(model: str, treatment: str) -> str:
    """`venire/<base>` is `<base>/<treatment>`; `venire/<base>:<name>@<hash8>` is `<name>/<treatment>`."""
    rest = model.removeprefix("venire/")
    if rest != model and "@" in rest:
        rest = rest.partition("@")[0].rpartition(":")[2]
    return f"{rest}/{treatment}"


def without_treatment(contender: str | None, files: RunFiles) -> str:
    """A contender's name as a person says it: `plain` is left out while nothing else was tried."""
    if contender is None:
        return "no candidate"
    treatments = files.frozen.get("treatments") or {"plain": {}}
    return contender.removesuffix("/plain") if list(treatments) == ["plain"] else contender


def lineage_of(contender: str, files: RunFiles) -> dict[str, Any]:
    """The lineage of a contender's weights, of those made elsewhere what is known of it; {} for an untrained base."""
    name = contender.rpartition("/")[0]
    return next((lineage for lineage in files.lineages if lineage.get("name") == name), files.brought.get(name, {}))
