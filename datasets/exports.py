"""Rows for other trainers: TRL, Axolotl, LLaMA-Factory, mlx-lm.

What those formats cannot hold (category, weight, family, source) stays in our own files, where `original` finds it.

    trl/            sft_train.jsonl, dpo_train.jsonl, …
    axolotl/        the same, and axolotl_sft.yaml, axolotl_dpo.yaml with the `datasets:` to paste into a config
    llamafactory/   the same, and dataset_info.json
    mlx/sft/        train.jsonl, valid.jsonl, test.jsonl; mlx/dpo/ likewise
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from venire._common.errors import InputError

from .rows import DpoRow, Message, Method, Row, SftRow

Parts = Mapping[tuple[Method, str], Sequence[Row]]  # (sft or dpo, train or validation or evaluation) to its rows
_MLX = {"train": "train", "validation": "valid", "evaluation": "test"}


def export(parts: Parts, format: str) -> dict[str, str]:
    """The files, path to content, that the trainer `format` reads. Raises InputError for a row it cannot hold."""
    if format not in FORMATS:
        raise InputError(f"export {format!r}: there are {', '.join(FORMATS)}")
    filled = {key: rows for key, rows in parts.items() if rows}
    return {f"{format}/{name}": content for name, content in FORMATS[format](filled).items()}


def original(path: Path) -> Path | None:
    """Our own file of which `path` is an export, beside the `data.json` of the build; None if it is none."""
    for home, folders in ((path.parent.parent, 1), (path.parent.parent.parent, 2)):
        if (home / "data.json").is_file() and path.parts[-1 - folders] in FORMATS:
            parts = {name: part for part, name in _MLX.items()}
            own = home / (path.name if folders == 1 else f"{path.parent.name}_{parts.get(path.stem, path.stem)}.jsonl")
            return own if own.is_file() else None
    return None


def _trl(parts: Parts) -> dict[str, str]:
    return {f"{m}_{part}.jsonl": _lines([_plain(row) for row in rows]) for (m, part), rows in parts.items()}


def _axolotl(parts: Parts) -> dict[str, str]:
    files = {f"{m}_{part}.jsonl": _lines([_single(row) for row in rows]) for (m, part), rows in parts.items()}
    for method in dict.fromkeys(m for m, _ in parts):
        kind: dict[str, Any] = {"type": "chat_template", "field_messages": "messages", "roles_to_train": ["assistant"]}
        if method == "dpo":
            kind = {"type": "chat_template.default", "field_messages": "messages"}
            kind |= {"field_chosen": "chosen", "field_rejected": "rejected"}
        config: dict[str, Any] = {"rl": "dpo"} if method == "dpo" else {}
        for key, part in (("datasets", "train"), ("test_datasets", "validation")):
            if (method, part) in parts:
                name = f"{method}_{part}.jsonl"
                config[key] = [{"path": name, "ds_type": "json", "split": "train", **kind}]
        files[f"axolotl_{method}.yaml"] = yaml.safe_dump(config, sort_keys=False)
    return files


def _llamafactory(parts: Parts) -> dict[str, str]:
    files = {f"{m}_{part}.jsonl": _lines([_single(row) for row in rows]) for (m, part), rows in parts.items()}
    tags = {"role_tag": "role", "content_tag": "content"}
    tags |= {"user_tag": "user", "assistant_tag": "assistant", "system_tag": "system"}
    info: dict[str, Any] = {}
    for method, part in parts:
        columns = {"messages": "messages"}
        more: dict[str, Any] = {}
        if method == "dpo":
            columns |= {"chosen": "chosen", "rejected": "rejected"}
            more = {"ranking": True}
        about = {"file_name": f"{method}_{part}.jsonl", "formatting": "sharegpt", **more}
        info[f"{method}_{part}"] = about | {"columns": columns, "tags": tags}
    return files | {"dataset_info.json": json.dumps(info, indent=2) + "\n"}


def _mlx(parts: Parts) -> dict[str, str]:
    return {
        f"{method}/{_MLX.get(part, part)}.jsonl": _lines([_texts(row) for row in rows])
        for (method, part), rows in parts.items()
    }


def _plain(row: Row) -> dict[str, Any]:
    if isinstance(row, SftRow):
        return {"messages": _messages(row.messages)}
    return {key: _messages(getattr(row, key)) for key in ("prompt", "chosen", "rejected")}


def _single(row: Row) -> dict[str, Any]:
    """A preference as Axolotl and LLaMA-Factory hold it: the chat, and one message for either answer."""
    if isinstance(row, SftRow):
        return _plain(row)
    sides = {key: _messages(getattr(row, key))[0] for key in ("chosen", "rejected")}
    return {"messages": _messages(row.prompt), **sides}


def _texts(row: Row) -> dict[str, Any]:
    """A preference as texts: mlx-lm renders the prompt as one turn."""
    if isinstance(row, SftRow):
        return _plain(row)
    system, turns = _system(row)
    if len(turns) > 1:
        raise InputError(f"export mlx: the pair {row.family or turns[0].content[:40]!r} has a prompt of several turns")
    texts = {"prompt": turns[0].content, "chosen": row.chosen[0].content, "rejected": row.rejected[0].content}
    return {"system": system, **texts} if system else texts


def _system(row: DpoRow) -> tuple[str, list[Message]]:
    first = row.prompt[0]
    return (first.content, row.prompt[1:]) if first.role == "system" else ("", list(row.prompt))


def _messages(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _lines(rows: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


FORMATS: dict[str, Callable[[Parts], dict[str, str]]] = {
    "trl": _trl,
    "axolotl": _axolotl,
    "llamafactory": _llamafactory,
    "mlx": _mlx,
}
