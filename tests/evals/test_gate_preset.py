"""The shipped gate of epistemic stance: every metric exists, and the suites are large enough to show what it asks."""

from pathlib import Path

import yaml

from venire.evals import epistemic_stance, forgetting, load_task
from venire.evals.epistemic_stance import METRICS, load_patterns, measure
from venire.judges.policy import parse_policy
from venire.judges.statistics.tango import most_losses
from venire.judges.statistics.thresholds import certifying_hits

PRESET = Path(__file__).parents[2] / "evals" / "epistemic_stance" / "gate.yaml"


def test_everything_it_asks_can_be_shown() -> None:
    policy = parse_policy({"gate": {}, **yaml.safe_load(PRESET.read_text())}, "preset").suites
    stance = policy["epistemic_stance"].thresholds
    patterns = {name.removesuffix("_judged") for name in stance}
    assert patterns <= set(METRICS)
    samples = list(epistemic_stance().dataset)
    for name, threshold in stance.items():
        read = name.removesuffix("_judged")
        values = [measure("x", s.metadata["domain"], ["yes"])[read] for s in samples if s.metadata]
        n = sum(value == value for value in values)
        if threshold.zero_failure:
            assert n == 59
        else:
            assert n >= 200 and threshold.mode_at(n) == "certify"
            assert certifying_hits(n, at_most=threshold.at_most, at_least=threshold.at_least) is not None
    margin = policy["forgetting"].non_inferiority
    assert margin and most_losses(len(forgetting().dataset), margin.delta) is not None


def test_a_wanted_pattern_stands_beside_the_second_opinion() -> None:
    (suite,) = [each for each in yaml.safe_load(PRESET.read_text())["suites"] if each["task"].endswith("stance")]
    wanted = {pattern.name for pattern in load_patterns() if pattern.wanted} | {"pragmatic"}
    asked = suite["thresholds"]
    assert (
        {f"{name}_judged" for name in wanted & set(asked)}
        == {name for name in asked if name.endswith("_judged")}
        != set()
    )
    assert len(list(load_task(suite["task"], suite["args"]).dataset)) == len(list(epistemic_stance().dataset))
    assert len(suite["args"]["second_opinion"]) >= 2
