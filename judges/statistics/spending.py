"""The level of the t-th use of a confirm set, so that all uses together stay below α: α_t = α/(t(t+1)), Σ α_t = α."""

from typing import Literal

Reuse = Literal["none", "spend"]


def alpha_of_use(alpha: float, use: int, reuse: Reuse = "none") -> float | None:
    """One-sided level of the `use`-th use (1, 2, …); None: post hoc, this use can decide nothing.

    reuse "none": the first use has all of α. "spend": .0125 for the first use at α = .025, .0042 for the second.
    """
    if use < 1:
        raise ValueError(f"uses are counted from 1, not {use}")
    if reuse == "none":
        return alpha if use == 1 else None
    return alpha / (use * (use + 1))
