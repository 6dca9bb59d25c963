"""A metric of the policy that no scorer gives is found by plan, not by the gate."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from venire._common.errors import InputError

from .staging import Stage

Make = Callable[..., Stage]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (
            {"metric": "accuracy", "non_inferiority": {"delta": 0.1}},
            r"suites\[1\]\.metric: .*'accuracy'; it gives exact",
        ),
        ({"thresholds": {"exakt": {"at_least": 0.5, "mode": "point"}}}, r"suites\[1\]\.thresholds\.exakt: .* exact"),
        ({"metric": "exact", "non_inferiority": {"delta": 0.1}}, None),
        ({"task": "venire/epistemic_stance", "thresholds": {"any": {"at_most": 0.5, "mode": "point"}}}, None),
        ({"task": "venire/kernel", "thresholds": {"refused": {"at_most": 0.5, "mode": "point"}}}, None),
    ],
)
def test_a_metric_that_no_scorer_gives_is_refused_by_plan_where_they_declare_it(
    stage: Make, asked: dict[str, Any], why: str | None
) -> None:
    judged = {"task": "venire/value_alignment", "limit": 8, "judge": True}
    with pytest.raises(InputError, match=why) if why else nullcontext():
        stage(suites=[judged, {"task": "venire/forgetting", "limit": 16} | asked])
