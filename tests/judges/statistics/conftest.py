"""The worked examples of `tests/data/reference_values.json`, and a simulated panel."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DATA = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture(scope="session")
def reference() -> dict[str, Any]:
    return json.loads((DATA / "reference_values.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def panel() -> np.ndarray:
    """(80, 4, 2) votes of four correlated judges, some missing."""
    rng = np.random.default_rng(11)
    latent = 0.3 + rng.normal(size=(80, 1, 1)) + rng.normal(size=(80, 4, 2))
    votes = np.where(latent > 0.15, 1.0, np.where(latent < -0.15, 0.0, 0.5))
    votes[rng.random(votes.shape) < 0.05] = np.nan
    return votes
