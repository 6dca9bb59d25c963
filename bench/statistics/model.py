"""The simulated votes that every number in this folder is relative to.

Latent normal votes of total sd 1: a prompt effect that all judges share, a prompt × judge effect that both orders
share, noise, a bias of each judge and of each judge's places. A vote is a tie when its latent value is within
`TIE` of 0. Shares are set so that votes of a prompt correlate .45 and the panel's A_flip is .453 at θ = .5
(docs/statistics.md, "Agreement"). Families share part of the prompt effect; checkpoints share part of everything.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

PROMPT, CELL = 0.585, 0.33  # shares of variance; the rest, .085, is noise
TIE = 0.113
PLACE = (0.2, 0.0, -0.1, 0.3)
BIAS = (0.15, -0.15, 0.15, -0.15)


@dataclass(frozen=True)
class World:
    """theta: true win rate of the panel; None: `judges` and `place` alone say what each judge votes.

    judges: biases (J,). place: biases (J,) of being shown first. family: share of the prompt effect that a family's
    prompts have in common. family_size: prompts a family.
    """

    theta: float | None = 0.5
    judges: tuple[float, ...] = BIAS
    place: tuple[float, ...] = PLACE
    family: float = 0.0
    family_size: int = 1

    @property
    def offsets(self) -> NDArray[np.float64]:
        """(J, 2) latent mean of each judge with the candidate first, and second."""
        return np.array(self.judges)[:, None] + np.array(self.place)[:, None] * np.array([1, -1])

    @property
    def shift(self) -> float:
        """The latent mean at which the expected panel value is theta."""
        return 0.0 if self.theta is None else _shift(self.theta, self.judges, self.place)

    def votes(
        self, rng: np.random.Generator, reps: int, n: int, push: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """(reps, n, J, 2) votes in {0, ½, 1}; push (reps, n) is added to every judge's latent value."""
        latent = self.shift + self.offsets + self._effects(rng, reps, n)
        return _vote(latent if push is None else latent + push[..., None, None])

    def _effects(self, rng: np.random.Generator, reps: int, n: int) -> NDArray[np.float64]:
        j = len(self.judges)
        groups = -(-n // self.family_size)
        shared = np.repeat(rng.normal(size=(reps, groups)), self.family_size, axis=1)[:, :n]
        prompt = np.sqrt(self.family) * shared + np.sqrt(1 - self.family) * rng.normal(size=(reps, n))
        cell = rng.normal(size=(reps, n, j))
        noise = rng.normal(size=(reps, n, j, 2))
        return (
            np.sqrt(PROMPT) * prompt[..., None, None]
            + np.sqrt(CELL) * cell[..., None]
            + np.sqrt(1 - PROMPT - CELL) * noise
        )

    def checkpoints(
        self, rng: np.random.Generator, thetas: NDArray[np.float64], n: int, shared: float = 0.6
    ) -> NDArray[np.float64]:
        """(K, n, J, 2) votes on K checkpoints whose latent effects correlate `shared`; a nan theta stands for None."""
        k = len(thetas)
        shifts = np.array([World(None if np.isnan(t) else float(t), self.judges, self.place).shift for t in thetas])
        common, own = self._effects(rng, 1, n), self._effects(rng, k, n)
        latent = shifts[:, None, None, None] + self.offsets + np.sqrt(shared) * common + np.sqrt(1 - shared) * own
        return _vote(latent)


@cache
def _shift(theta: float, judges: tuple[float, ...], place: tuple[float, ...]) -> float:
    offsets = World(None, judges, place).offsets

    def gap(mean: float) -> float:
        above, below = special.ndtr(mean + offsets - TIE), special.ndtr(mean + offsets + TIE)
        return float(np.mean(above + below) / 2) - theta

    return float(np.asarray(optimize.brentq(gap, -4, 4)))


def _vote(latent: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(latent > TIE, 1.0, np.where(latent < -TIE, 0.0, 0.5))
