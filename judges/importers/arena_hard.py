"""Arena-Hard's judgements: one record a prompt, with a game in each order against one baseline.

Game 1 shows the baseline first (as A), game 2 the model. The verdict is one of `A>>B`, `A>B`, `A=B`, `B>A`, `B>>A`; how
strong it is stays in the raw text: here a win is a win. The baseline is not in the file; unless it is named, it is
the benchmark's own.
"""

from typing import Any

from venire._common.errors import InputError
from venire.judges.importers.records import Pick, Rows, field, mapping_of, why_invalid
from venire.judges.verdict_text import TIE, parse_verdict

# The baselines of Arena-Hard-Auto: v0.1 (no category), and v2.0 by category.
BASELINES = {
    None: "gpt-4-0314",
    "arena-hard-v0.1": "gpt-4-0314",
    "hard_prompt": "o3-mini-2025-01-31",
    "coding": "o3-mini-2025-01-31",
    "math": "o3-mini-2025-01-31",
    "creative_writing": "gemini-2.0-flash-001",
}


def read(records: list[dict[str, Any]], source: str, pick: Pick) -> Rows:
    """One vote a game."""
    rows = []
    for i, record in enumerate(records, start=1):
        model = str(field(record, "model", source, i))
        baseline = _baseline(record, source, i, pick)
        if pick.candidate not in (None, model):
            continue
        if model == baseline:
            raise InputError(f"{source}, row {i}: {model!r} would meet itself; name the baseline with --incumbent")
        games = field(record, "games", source, i)
        if not isinstance(games, list):
            raise InputError(f"{source}, row {i}: games is {type(games).__name__}; a list is wanted")
        for number, game in enumerate(games):
            model_first = number % 2 == 1
            rows.append(
                {
                    "prompt_id": str(record.get("question_id") or field(record, "uid", source, i)),
                    "domain": record.get("category"),
                    "candidate": model,
                    "incumbent": baseline,
                    "judge": str(field(record, "judge", source, i)),
                    "candidate_first": model_first,
                    "label_mapping": mapping_of("candidate" if model_first else "incumbent"),
                    **({"repeat": number // 2} if len(games) > 2 else {}),
                    **_verdict(game, model_first, source, i),
                }
            )
    return rows


def _baseline(record: dict[str, Any], source: str, row: int, pick: Pick) -> str:
    if pick.incumbent or record.get("baseline"):
        return str(pick.incumbent or record["baseline"])
    category = record.get("category")
    if category not in BASELINES:
        raise InputError(f"{source}, row {row}: the baseline of category {category!r} is unknown; name it, --incumbent")
    return BASELINES[category]


def _verdict(game: Any, model_first: bool, source: str, row: int) -> dict[str, Any]:
    if game is None:
        return {"verdict": "invalid", "reason": "error"}
    if not isinstance(game, dict):
        raise InputError(f"{source}, row {row}: a game is {type(game).__name__}; an object is wanted")
    text = game.get("judgment")
    text = text.get("answer") if isinstance(text, dict) else text
    if game.get("score") is None:
        return {"verdict": "invalid", "reason": why_invalid(text), "judgment": text}
    winner = parse_verdict(f"[[{game['score']}]]").winner
    if winner is None:
        raise InputError(f"{source}, row {row}: score is {game['score']!r}; one of A>>B, A>B, A=B, B>A, B>>A is wanted")
    verdict = "tie" if winner == TIE else "candidate" if (winner == "A") == model_first else "incumbent"
    return {"verdict": verdict, "judgment": text}
