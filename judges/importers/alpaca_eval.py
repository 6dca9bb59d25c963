"""AlpacaEval's `annotations.json`: soft preferences from 1 (the reference) to 2 (the model), one order a pair.

`generator_2` is the candidate and `generator_1` the incumbent. The file does not say which answer was shown first. It
is read from the annotator's raw completion where that names a label (the first is `m`, `model_1` or `(a)`), and else
from AlpacaEval's rule, a coin seeded by the instruction (`RandomSwitchTwoColumnsProcessor`, annotator seed 0; the rule
was checked against labelled rows of its published results). Every pair is judged once, in one order.
"""

import json
import math
import random
from typing import Any

from venire._common.errors import InputError
from venire._common.hashing import sha256_text
from venire.judges.importers.records import Pick, Rows, field, mapping_of, why_invalid
from venire.judges.verdict_text import TIE, parse_verdict

# AlpacaEval's prompt templates name the answers so, the one shown first first.
_LABELS = (("m", "M"), ("model_1", "model_2"), ("a", "b"))


def read(records: list[dict[str, Any]], source: str, pick: Pick) -> Rows:
    """One vote a record."""
    rows = []
    for i, record in enumerate(records, start=1):
        incumbent = str(field(record, "generator_1", source, i))
        candidate = str(field(record, "generator_2", source, i))
        if pick.candidate not in (None, candidate) or pick.incumbent not in (None, incumbent):
            continue
        share = _share(record.get("preference"), source, i)
        text = _completion(record.get("raw_completion"))
        instruction = str(field(record, "instruction", source, i))
        labels, candidate_first = _order(instruction, text, share)
        rows.append(
            {
                "prompt_id": sha256_text(instruction)[:16],
                "domain": record.get("dataset"),
                "candidate": candidate,
                "incumbent": incumbent,
                "judge": str(record.get("annotator") or "alpaca_eval"),
                "candidate_first": candidate_first,
                "verdict": "invalid" if share is None else None,
                "preference": share,
                "reason": why_invalid(text) if share is None else None,
                "len_candidate": _length(record.get("output_2")),
                "len_incumbent": _length(record.get("output_1")),
                "sha_candidate": _sha(record.get("output_2")),
                "sha_incumbent": _sha(record.get("output_1")),
                "cost_usd": record.get("price_per_example"),
                "seconds": record.get("time_per_example"),
                "judgment": text,
                "label_mapping": mapping_of("candidate" if candidate_first else "incumbent", labels)
                if labels
                else None,
            }
        )
    return rows


def _share(preference: Any, source: str, row: int) -> float | None:
    """1 to 2 as 0 to 1; 0 is an older version's draw; null where the annotator failed."""
    if preference is None or (isinstance(preference, float) and math.isnan(preference)):
        return None
    if isinstance(preference, bool) or not isinstance(preference, int | float):
        raise InputError(f"{source}, row {row}: preference is {preference!r}; a number from 1 to 2 is wanted")
    if preference == 0:
        return 0.5
    if not 1 <= preference <= 2:
        raise InputError(
            f"{source}, row {row}: preference is {preference}; 1 (the reference) to 2 (the model) is wanted"
        )
    return float(preference) - 1


def _completion(raw: Any) -> str | None:
    """The annotator's text: as it is, out of a chat completion with its log-probabilities, or JSON kept as JSON."""
    if isinstance(raw, dict):
        message = raw.get("message")
        content = message.get("content") if isinstance(message, dict) else raw.get("text")
        return str(content) if content is not None else json.dumps(raw, ensure_ascii=False)
    if isinstance(raw, list):
        return json.dumps(raw, ensure_ascii=False)
    return raw


def _order(instruction: str, text: str | None, share: float | None) -> tuple[tuple[str, str] | None, bool]:
    """The labels in use, if the text shows them, and whether the candidate (output_2) was shown first."""
    if text and share is not None and share != 0.5:
        for labels in _LABELS:
            label = parse_verdict(text, labels).winner
            if label is not None and label != TIE:
                return labels, (label == labels[0]) == (share > 0.5)
    switched = random.Random(f"is_switched_outputs{instruction}0").choices([False, True], k=1)[0]
    return None, switched


def _length(output: Any) -> int | None:
    return len(output) if isinstance(output, str) else None


def _sha(output: Any) -> str | None:
    return sha256_text(output) if isinstance(output, str) else None
