"""Comparisons judged by simulated judges, through the real pairs, manifest, sheets, ledger and gate.

An answer says its own quality (`… worth 0.4127 …`), drawn for each contender and prompt; a judge sees what its sheet
shows, compares the two numbers with noise and with a taste for a place or a label, and replies in JSON. Only Inspect's
evaluation loop is left out: the samples of the logs are made here and handed to the ledger as if read from them.
"""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl
from inspect_ai.log import EvalSample
from inspect_ai.model import ModelOutput, ModelUsage
from inspect_ai.scorer import Score

from venire.judges import ledger
from venire.judges.gate import Decision, GateInputs, decide
from venire.judges.judging import Judging, open_judging
from venire.judges.pairs import make_pairs
from venire.judges.panel import resolve_panel
from venire.judges.policy import GatePolicy
from venire.judges.rubric import Shown, load_rubric
from venire.judges.seeds import generator
from venire.judges.sheets import read_sheet, write_sheet
from venire.judges.tasks import judgment_of


@dataclass(frozen=True)
class Mind:
    """How a judge decides: the weight it gives quality, its noise, its taste for the first place and for the label A.

    A difference below `tie` is a tie; `fails` is the share of its replies that say nothing.
    """

    skill: float = 1.0
    noise: float = 0.7
    place: float = 0.0
    label: float = 0.0
    tie: float = 0.1
    fails: float = 0.0

    def reply(self, judge: str, shown: Shown) -> str:
        """What it says of what it is shown: the same for the same texts in the same places, whoever they are of."""
        chance = generator(judge, shown.prompt, shown.first, shown.second)
        if chance.random() < self.fails:
            return "I would rather not say."
        latent = self.skill * (_worth(shown.first) - _worth(shown.second)) + chance.gauss(0, self.noise)
        latent += self.place + (self.label if shown.first_label == "A" else -self.label)
        winner = "tie" if abs(latent) < self.tie else shown.first_label if latent > 0 else shown.second_label
        return json.dumps({"winner": winner, "reason": "quality"})


# Four judges that vote well together; one likes the first place, one the letter A.
PANEL = {
    "openai/one": Mind(),
    "anthropic/two": Mind(noise=0.9, place=0.3),
    "google/three": Mind(label=0.3),
    "mistral/four": Mind(noise=1.2, place=-0.2, fails=0.02),
}
# The same with judges that one would not wish for.
CROOKED = {
    "openai/one": Mind(),
    "anthropic/first-place": Mind(skill=0.1, place=2.0),
    "google/coin": Mind(skill=0.0, noise=1.0),
    "mistral/four": Mind(noise=1.2, fails=0.1),
}


def answers(contenders: Sequence[str], prompts: int, seed: int, better: float = 0.0) -> pl.DataFrame:
    """Answers of equal length from one distribution of quality; the first contender's is `better` by so much."""
    rng = np.random.default_rng(seed)
    rows = []
    for k, contender in enumerate(contenders):
        worth = rng.standard_normal(prompts) + (better if k == 0 else 0.0)
        rows += [
            {
                "suite": "venire/simulated",
                "model": f"venire/model-{k}",
                "treatment": "plain",
                "sample_id": f"s{i}",
                "epoch": 1,
                "prompt": f"Question {i} of series {seed}?",
                "answer": f"An answer worth {worth[i]:+08.4f} to whoever asked.",
                "stop_reason": "stop",
                "family": f"family-{i}",
                "domain": f"domain-{i % 4}",
                "reference": None,
                "contrast": None,
                "contender": contender,
            }
            for i in range(prompts)
        ]
    return pl.DataFrame(rows)


def seal(
    frame: pl.DataFrame, candidates: Sequence[str], incumbent: str, run: Path, seed: int, minds: dict[str, Mind]
) -> Judging:
    """The sealed comparison of these answers for these judges."""
    pairs = make_pairs(frame, list(candidates), incumbent, seed=seed)
    panel = resolve_panel({"judges": [{"model": name, "rubric": "plain"} for name in minds]})
    return open_judging(pairs, panel, run, seed=seed, anchors=0)


def vote(judging: Judging, minds: dict[str, Mind]) -> pl.DataFrame:
    """Every judge's votes, by the ledger, from what its sheet showed it."""
    samples = {name: _samples(judging, name, mind) for name, mind in minds.items()}
    with _as_logs(samples):
        return ledger.build_ledger(judging.run, judging.manifest).votes


def decision(votes: pl.DataFrame, candidates: Sequence[str], incumbent: str, seed: int, **policy: Any) -> Decision:
    """The gate's, on these votes alone."""
    order = votes["prompt_id"].unique().sort().to_list() if len(candidates) == 1 else None
    return decide(
        GateInputs(
            votes=votes,
            policy=GatePolicy(**policy),
            candidates=list(candidates),
            incumbent=incumbent,
            order=order,
            seed=seed,
        )
    )


def _worth(text: str) -> float:
    found = re.search(r"worth ([+-][\d.]+)", text)
    assert found is not None, text
    return float(found[1])


def _samples(judging: Judging, name: str, mind: Mind) -> list[EvalSample]:
    sheet = read_sheet(write_sheet(judging.manifest, name, judging.pairs, judging.run / "sheets"))
    return [_sample(shown, mind.reply(name, shown)) for shown in sheet.rows]


def _sample(shown: Shown, text: str) -> EvalSample:
    output = ModelOutput.from_content("simulated", text)
    output.usage = ModelUsage(input_tokens=10, output_tokens=5, total_tokens=15)
    said = judgment_of(output, shown, load_rubric("plain"))
    score = Score(value=0.5, answer=said.label) if said.label else Score.unscored(reason=said.invalid)
    return EvalSample(
        id=shown.id,
        epoch=1,
        input="",
        target="",
        output=output,
        metadata=shown.model_dump(exclude={"id"}),
        scores={"verdict": score},
    )


@contextmanager
def _as_logs(samples: dict[str, list[EvalSample]]) -> Any:
    """Let the ledger find these samples where it looks for a judge's logs."""

    def logs(run: Path, manifest: Any, part: Any) -> Any:
        path = run / "simulated" / f"{part.judge.slug}.eval"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        log = SimpleNamespace(eval=SimpleNamespace(metadata={"repeat": 0}))
        yield log, path, samples[part.judge.name]

    looking: Callable[..., Any] = logs
    with patch.object(ledger, "_logs", looking):
        yield
