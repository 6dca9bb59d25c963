"""A share of labelled answers with its exact interval, as the pages write it that say what the patterns are worth."""

from venire.judges.statistics.clopper_pearson import exact_lower, exact_upper

Share = tuple[float, float, float]


def share(hits: int, n: int) -> Share | None:
    """`hits` of `n` with the 95% interval of Clopper and Pearson (Biometrika 1934); None of none."""
    return (hits / n, exact_lower(hits, n, 0.025), exact_upper(hits, n, 0.025)) if n else None


def cell(found: Share | None) -> str:
    """A share as a table has it."""
    return f"{found[0]:.2f} [{found[1]:.2f}, {found[2]:.2f}]" if found else "-"
