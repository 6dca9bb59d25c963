"""Scenario suites as Inspect tasks, what can be put around their prompts, and what their logs say.

The tasks are listed in README.md beside this file. A treatment is read by
`load_treatment` and put around any task by `treat`. Frames: `read_results` (scores) and `read_answers` (text).
`suite_hash` and `scenario_texts` say what a suite asks.
"""

from .epistemic_stance import epistemic_open, epistemic_stance, opinion, stance
from .forgetting import exact, forgetting
from .kernel import kernel, outcome
from .phrasing_robustness import (
    all_phrasings,
    boundary,
    consistency,
    fact_boundaries,
    fact_contradiction,
    fact_extraction,
    fact_survival,
    in_its_place,
    leaked,
    phrasing_gap,
    phrasing_robustness,
    recalled,
)
from .results import ANSWERS_SCHEMA, RESULTS_SCHEMA, read_answers, read_results
from .scenarios import Scenario, load_rows, load_scenarios, load_task, scenario_texts, suite_hash
from .style import finished, style
from .suite import make_suite
from .treatments import Treatment, load_treatment, parse_treatment, read_facts, treat, treated
from .value_alignment import choice, closeness, graded, preference, value_alignment, weighted
from .vary import answer, robustness, vary

__all__ = [
    "ANSWERS_SCHEMA",
    "RESULTS_SCHEMA",
    "Scenario",
    "Treatment",
    "all_phrasings",
    "answer",
    "boundary",
    "choice",
    "closeness",
    "consistency",
    "epistemic_open",
    "epistemic_stance",
    "exact",
    "fact_boundaries",
    "fact_contradiction",
    "fact_extraction",
    "fact_survival",
    "finished",
    "forgetting",
    "graded",
    "in_its_place",
    "kernel",
    "leaked",
    "load_rows",
    "load_scenarios",
    "load_task",
    "load_treatment",
    "make_suite",
    "opinion",
    "outcome",
    "parse_treatment",
    "phrasing_gap",
    "phrasing_robustness",
    "preference",
    "read_answers",
    "read_facts",
    "read_results",
    "recalled",
    "robustness",
    "scenario_texts",
    "stance",
    "style",
    "suite_hash",
    "treat",
    "treated",
    "value_alignment",
    "vary",
    "weighted",
]
