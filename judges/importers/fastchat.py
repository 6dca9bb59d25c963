"""FastChat's MT-Bench judgements: pairs in both orders, single grades, and the votes of people.

- pair (`gpt-4_pair.jsonl`): game 1 shows model_1 first, game 2 model_2; a judge's `error` is invalid, never a tie;
- single (`gpt-4_single.jsonl`): grades from 1 to 10; two models of one judge, question and turn are compared, and a
  difference of at most 0.1 is a tie. A grade has no order: the verdict is entered for both, noted `merged`;
- combined (`model_a`, `model_b`, `winner`): one row for both orders of a judge, entered for both and noted `merged`;
  `tie (inconsistent)` is a tie with that note. A person (`expert_…`, `author_…`) saw the pair once, model_a first:
  `use` is `human`.

A prompt is a turn of a question, its family the question. Of two models the one that sorts first is the candidate,
unless an incumbent is named.
"""

import itertools
import json
import re
from typing import Any

from venire._common.errors import InputError
from venire.judges.importers.records import Pick, Rows, field, mapping_of, side, why_invalid

_TIE_DELTA = 0.1
_PEOPLE = re.compile(r"(?:expert|author|human|crowd|user|arena_user)(?:[_:-].*)?$")
# MT-Bench's questions start at 81, ten to a category.
_CATEGORIES = ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")


def read(records: list[dict[str, Any]], source: str, pick: Pick) -> Rows:
    """Two votes a record, one for a person's, or two for each pair of grades."""
    rows: Rows = []
    grades: dict[tuple[str, str, Any], dict[str, tuple[float, str | None]]] = {}
    for i, record in enumerate(records, start=1):
        if "g1_winner" in record:
            rows += _pair(record, source, i, pick)
        elif "winner" in record:
            rows += _combined(record, source, i, pick)
        elif "score" in record:
            _grade(record, source, i, grades)
        else:
            raise InputError(f"{source}, row {i}: neither a pair (g1_winner), a vote (winner) nor a grade (score)")
    for (judge, question, turn), models in grades.items():
        rows += _compare(judge, question, turn, models, pick)
    return rows


def _pair(record: dict[str, Any], source: str, row: int, pick: Pick) -> Rows:
    one, two = str(field(record, "model_1", source, row)), str(field(record, "model_2", source, row))
    pair = pick.sides(one, two)
    if pair is None:
        return []
    rows = []
    for game, first in (("g1", one), ("g2", two)):
        winner = str(field(record, f"{game}_winner", source, row))
        judgment = record.get(f"{game}_judgment")
        verdict = {"tie": "tie", "error": "invalid"}.get(winner) or side(
            {"model_1": one, "model_2": two}.get(winner, winner), pair, source, row
        )
        rows.append(
            {
                **_prompt(record, source, row),
                **_comparison(pair, _judge(record, source, row), first == pair[0]),
                "verdict": verdict,
                "reason": why_invalid(judgment) if verdict == "invalid" else None,
                "judgment": judgment,
                "label_mapping": mapping_of(side(first, pair, source, row)),
            }
        )
    return rows


def _combined(record: dict[str, Any], source: str, row: int, pick: Pick) -> Rows:
    one, two = str(field(record, "model_a", source, row)), str(field(record, "model_b", source, row))
    pair = pick.sides(one, two)
    if pair is None:
        return []
    winner = str(field(record, "winner", source, row))
    tie = re.fullmatch(r"tie(?: \((\w+)\))?", winner)
    verdict = "tie" if tie else side({"model_a": one, "model_b": two}.get(winner, winner), pair, source, row)
    note = {"inconsistent": "inconsistent", "bothbad": "both_bad"}.get(tie.group(1) or "") if tie else None
    judge = _judge(record, source, row)
    person = bool(_PEOPLE.match(judge))
    vote = {**_prompt(record, source, row), "verdict": verdict, "note": note}
    if person:
        judge = judge if judge.startswith("human:") else f"human:{judge}"
        return [{**vote, **_comparison(pair, judge, one == pair[0]), "use": "human"}]
    vote["note"] = note or "merged"
    return [{**vote, **_comparison(pair, judge, first)} for first in (True, False)]


def _grade(record: dict[str, Any], source: str, row: int, grades: dict) -> None:
    prompt = _prompt(record, source, row)
    key = (_judge(record, source, row), prompt["family"], record.get("turn"))
    model, score = str(field(record, "model", source, row)), field(record, "score", source, row)
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise InputError(f"{source}, row {row}: score is {score!r}; a number is wanted")
    if model in grades.setdefault(key, {}):
        raise InputError(f"{source}, row {row}: a second grade of {key[0]!r} for {model!r} on {prompt['prompt_id']}")
    grades[key][model] = (float(score), record.get("judgment"))


def _compare(judge: str, question: str, turn: Any, models: dict[str, tuple[float, str | None]], pick: Pick) -> Rows:
    rows = []
    for one, two in itertools.combinations(sorted(models), 2):
        pair = pick.sides(one, two)
        if pair is None:
            continue
        scores = [models[name][0] for name in pair]
        failed = [models[name][1] for name in pair if models[name][0] < 0]  # -1: no grade was found in the text
        gap = scores[0] - scores[1]
        verdict = "invalid" if failed else "tie" if abs(gap) <= _TIE_DELTA else "candidate" if gap > 0 else "incumbent"
        vote = {
            **_prompt({"question_id": question, "turn": turn}, "", 0),
            "verdict": verdict,
            "reason": why_invalid(failed[0]) if failed else None,
            "criteria": json.dumps({"grade_candidate": scores[0], "grade_incumbent": scores[1]}),
            "note": "merged",
        }
        rows += [{**vote, **_comparison(pair, judge, first)} for first in (True, False)]
    return rows


def _comparison(pair: tuple[str, str], judge: str, candidate_first: bool) -> dict[str, Any]:
    return {"candidate": pair[0], "incumbent": pair[1], "judge": judge, "candidate_first": candidate_first}


def _prompt(record: dict[str, Any], source: str, row: int) -> dict[str, Any]:
    question, turn = str(field(record, "question_id", source, row)), record.get("turn")
    place = (int(question) - 81) // 10 if question.isdigit() else -1
    return {
        "prompt_id": question if turn is None else f"{question}-turn{turn}",
        "family": question,
        "domain": _CATEGORIES[place] if 0 <= place < len(_CATEGORIES) else None,
    }


def _judge(record: dict[str, Any], source: str, row: int) -> str:
    """A judge is a model, or a model and the name of its prompt, which is chosen by question and turn."""
    judge = field(record, "judge", source, row)
    return str(judge[0] if isinstance(judge, list) and judge else judge)
