"""A candidate as a model of its own: the adapter's update added into the base's weights, for any other program."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError
from venire._common.files import read_json, write_json

from .candidates import LINEAGE, Candidate
from .trouble import hushed

if TYPE_CHECKING:
    from venire.engine import Base

_DTYPES = ("auto", "float32", "bfloat16", "float16")


def export_merged(candidate: Candidate, base: "Base", folder: Path, dtype: str = "auto") -> Path:
    """Write config, tokenizer, chat template and safetensors of `candidate` merged into `base`; gives `folder`.

    The sum is taken in float32; `dtype` is what is stored: `auto` is what the base is stored in. The folder appears
    whole or not at all; one that holds just this already stays. Raises InputError for an unknown dtype, and for a
    folder of anything else.
    """
    if dtype not in _DTYPES:
        raise InputError(f"dtype {dtype!r}: one of {', '.join(_DTYPES)}")
    if folder.exists():
        if _holds(folder, candidate, base, dtype):
            return folder
        raise InputError(f"{folder} is there already, with something else; name another folder, or remove it")
    with hushed():
        return _export(candidate, base, folder, dtype)


def _holds(folder: Path, candidate: Candidate, base: "Base", dtype: str) -> bool:
    """Is this what an earlier call wrote of the same candidate, stored alike?"""
    if not (folder / LINEAGE).is_file():
        return False
    there = read_json(folder / LINEAGE)
    stored = _stored_dtype(candidate.path if candidate.kind == "full" else base.path) if dtype == "auto" else dtype
    return there.get("sha256") == candidate.sha256 and there.get("merged") == {"dtype": stored}


def _export(candidate: Candidate, base: "Base", folder: Path, dtype: str) -> Path:
    import torch
    from transformers import AutoModelForCausalLM

    from venire.engine import load_tokenizer

    source = candidate.path if candidate.kind == "full" else base.path
    model = AutoModelForCausalLM.from_pretrained(str(source), dtype=torch.float32)
    if candidate.kind == "adapter":
        from peft import PeftModel

        _untie(model, candidate.path)
        model = PeftModel.from_pretrained(model, str(candidate.path)).merge_and_unload()
    stored = _stored_dtype(source) if dtype == "auto" else dtype
    model = model.to(getattr(torch, stored))
    model.config._name_or_path = ""  # a path of this machine
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        model.save_pretrained(str(made))
        load_tokenizer(base).save_pretrained(str(made))
        write_json(made / LINEAGE, {**candidate.lineage, "merged": {"dtype": stored}})
        made.chmod(0o755)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return folder


def _untie(model: Any, adapter: Path) -> None:
    """Give the head weights of its own where the adapter changes it or the embedding: tied, both would get the update.

    Recipes train no such adapter; it comes from elsewhere.
    """
    from safetensors import safe_open
    from torch import nn

    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    if head is None or head.weight is not embedding.weight:
        return
    names = [name for name, module in model.named_modules() if module is head or module is embedding]
    keys: list[str] = []
    for file in adapter.glob("*.safetensors"):
        with safe_open(str(file), framework="numpy") as tensors:
            keys += tensors.keys()
    if any(f".{name}." in key for name in names for key in keys):
        head.weight = nn.Parameter(head.weight.detach().clone())
        model.config.tie_word_embeddings = False


def _stored_dtype(folder: Path) -> str:
    from transformers import AutoConfig

    found = str(AutoConfig.from_pretrained(str(folder)).get_text_config().dtype or "float32").removeprefix("torch.")
    return found if found in _DTYPES else "float32"
