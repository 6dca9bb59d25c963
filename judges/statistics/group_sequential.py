"""O'Brien-Fleming bounds, for judging that comes in batches.

z_k = C·√(K/k), two-sided (O'Brien and Fleming 1979; Jennison and Turnbull 2000, Table 2.3); C by recursive integration
over equally spaced looks (§19.2 there).
"""

import numpy as np

from ._special import Floats


def obrien_fleming(looks: int, alpha: float = 0.05) -> Floats:
    """(looks,) critical |z| at looks 1…K of equal size with overall two-sided error alpha."""
    if looks < 1:
        raise ValueError(f"at least one look, not {looks}")
    scale = np.sqrt(looks / np.arange(1, looks + 1))
    low, high = 1.0, 8.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _crossing(middle * scale) > alpha else (low, middle)
    return (low + high) / 2 * scale


def _crossing(bounds: Floats, points: int = 160) -> float:
    """P(|S_k| ≥ bound_k·√k at some k), S a random walk of standard normal steps; Gauss-Legendre on each interval."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    grid, mass = np.zeros(1), np.ones(1)
    for k, bound in enumerate(bounds, start=1):
        edge = bound * np.sqrt(k)
        new = edge * nodes
        mass = edge * weights * (_normal(new[:, None] - grid[None, :]) @ mass)
        grid = new
    return 1 - float(mass.sum())


def _normal(x: Floats) -> Floats:
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
