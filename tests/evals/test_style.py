"""The style suite: distinct prompts on both sides of the domain, and whether answers came to their end."""

from collections import Counter
from pathlib import Path

import pytest
from inspect_ai.log import read_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from venire._common.errors import InputError
from venire.evals import style


def test_prompts_are_distinct_and_enough_on_both_sides() -> None:
    samples = list(style().dataset)
    assert len({str(sample.input).casefold() for sample in samples}) == len(samples) >= 57
    domains = Counter(sample.metadata["domain"] for sample in samples if sample.metadata)
    assert len(domains) == 9 and min(domains.values()) >= 8
    assert len(style(part="in").dataset) == 56 and len(style(part="out").dataset) == 40
    assert len({s.metadata["domain"] for s in style(limit=9).dataset if s.metadata}) == 9


def test_other_parts_and_domains_are_refused() -> None:
    for part, domain in (("both", None), (None, "no-such"), ("in", "math")):
        with pytest.raises(InputError):
            style(part=part, domain=domain)


@pytest.mark.parametrize(("text", "reason", "value"), [("All.", "stop", 1), ("Half", "max_tokens", 0), ("", "stop", 0)])
def test_a_cut_answer_is_marked(tmp_path: Path, text: str, reason: str, value: float) -> None:
    def output(*_: object) -> ModelOutput:
        made = ModelOutput.from_content("mockllm/m", text, stop_reason=reason)  # type: ignore[arg-type]
        made.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return made

    from inspect_ai import eval

    (log,) = eval(
        style(limit=1), model=get_model("mockllm/m", custom_outputs=output), display="none", log_dir=str(tmp_path)
    )
    samples = read_eval_log(log.location).samples
    assert samples and samples[0].scores and samples[0].scores["finished"].value == value
