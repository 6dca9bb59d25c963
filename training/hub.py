"""An export on the Hugging Face Hub: weights, tokenizer, lineage, and a card that says what it is."""

import tempfile
from pathlib import Path
from typing import Any

from venire._common.errors import InputError, ServiceError
from venire._common.files import read_json, write_atomic, write_json

from .candidates import LINEAGE

CARD = "README.md"
_KINDS = ("*.safetensors", "*.gguf", "*.json", "*.jinja", "*.model", "*.txt", "*.md")


def push(folder: Path, repo: str, public: bool = False, card: str | None = None, dry_run: bool = False) -> list[str]:
    """Upload the files of `folder` to the model repository `repo`, made if it is not there; gives their names.

    One person's values are in the weights, so the repository is private unless `public`. `card` is the README; without
    one, the folder's own, else one that says what the lineage knows and that nothing was judged. The lineage goes
    along without paths of this machine. `dry_run` sends nothing.

    Raises InputError for a name that is no `owner/name` or a key that is missing, ServiceError where the Hub fails.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
    except ValueError as error:
        raise InputError(f"repository {repo!r}: write it as owner/name") from error
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        names = _prepare(folder, Path(scratch), card)
        if dry_run:
            return names
        api = HfApi()
        if not get_token():
            raise InputError("the Hub needs a key: set HF_TOKEN, or log in with: hf auth login")
        try:
            api.create_repo(repo, private=not public, exist_ok=True)
            api.upload_folder(repo_id=repo, folder_path=scratch, commit_message=f"Venire: {folder.name}")
        except HfHubHTTPError as error:
            code = error.response.status_code if error.response is not None else "?"
            if code in (401, 403):
                raise InputError(
                    f"the Hub refuses the key for {repo!r} ({code}): it needs the right to write"
                ) from None
            raise ServiceError(f"the Hub did not take {repo!r} (HTTP {code}); run it again") from None
        except Exception as error:  # whatever the Hub's HTTP library of the day raises when nothing answers
            raise ServiceError(f"the Hub does not answer ({type(error).__name__}); run it again") from None
    return names


def plain_card(lineage: dict[str, Any]) -> str:
    """The card of a candidate that nothing was decided about: what it is, and that no one vouches for it."""
    from huggingface_hub import ModelCardData

    base = lineage.get("base") or {}
    merged = lineage.get("kind") == "full" or "merged" in lineage
    data = ModelCardData(
        base_model=base.get("model_id"),
        library_name="transformers" if merged else "peft",
        pipeline_tag="text-generation",
        tags=["venire", "values"],
        model_name=str(lineage.get("name")),
    )
    known = {
        "base": f"{base.get('model_id')} at {base.get('revision')}",
        "recipe": (lineage.get("recipe") or {}).get("name"),
        "step": lineage.get("step"),
        "seed": lineage.get("seed"),
        "rows of training data": (lineage.get("data") or {}).get("rows"),
        "trainable parameters": lineage.get("trainable_parameters"),
        "weights (sha256)": lineage.get("sha256"),
    }
    lines = [f"- {name}: `{_code(value)}`" for name, value in known.items() if value is not None]
    return "\n".join(
        [
            f"---\n{data.to_yaml()}\n---\n",
            f"# {_code(lineage.get('name'))}\n",
            "A fine-tune on one person's values, stance, style and facts. **Nobody has judged it yet**: no panel "
            "compared it with its base, and nothing is known of what it lost.\n",
            *lines,
            "",
        ]
    )


def _code(value: Any) -> str:
    """Text for a code span: names come from files that others may have written."""
    return " ".join(str(value).replace("`", "'").split())


def _prepare(folder: Path, scratch: Path, card: str | None) -> list[str]:
    files = sorted({file for kind in _KINDS for file in folder.glob(kind) if not file.name.startswith(".")})
    if not any(file.suffix in (".safetensors", ".gguf") for file in files):
        raise InputError(f"{folder}: no weights to upload; export them first")
    for file in files:
        if file.name == LINEAGE:
            write_json(scratch / LINEAGE, without_paths(read_json(file)))
        else:
            (scratch / file.name).symlink_to(file.resolve())
    if card is None and not (scratch / CARD).exists():
        card = plain_card(read_json(folder / LINEAGE) if (folder / LINEAGE).is_file() else {"name": folder.name})
    if card is not None:
        (scratch / CARD).unlink(missing_ok=True)
        write_atomic(scratch / CARD, card)
    return sorted(file.name for file in scratch.iterdir())


def without_paths(lineage: dict[str, Any]) -> dict[str, Any]:
    """The lineage as others may see it: names of files, no folders of this machine."""
    base, data = dict(lineage.get("base") or {}), dict(lineage.get("data") or {})
    if "model_id" in base:
        base["name"] = base["model_id"]
    if "path" in data:
        data["path"] = Path(str(data["path"])).name
    if "path" in (replay := data.get("replay") or {}):
        data["replay"] = {**replay, "path": Path(str(replay["path"])).name}
    return {**lineage, "base": base, "data": data}


def copy_card(source: Path, folder: Path) -> bool:
    """Take the card that a report wrote of a candidate along to its merged weights; gives whether there was one."""
    from huggingface_hub import ModelCard

    if not (source / CARD).is_file():
        return False
    card: Any = ModelCard.load(source / CARD)
    card.data.library_name = "transformers"  # the adapter's says peft
    write_atomic(folder / CARD, str(card))
    return True
