"""A candidate as the Hub and PEFT have it: its own weights beside the base's tokenizer, chat template and a card."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from venire._common.errors import InputError
from venire._common.files import write_atomic

from .candidates import Candidate
from .hub import CARD, plain_card

if TYPE_CHECKING:
    from venire.engine import Base


def export_adapter(candidate: Candidate, base: "Base", folder: Path) -> Path:
    """Write the candidate as it is, not merged, with what it needs to be used elsewhere; gives `folder`.

    The card is the one that a report wrote, else a plain one that says that nobody has judged it. The folder appears
    whole or not at all; one that holds these weights already stays. Raises InputError for a folder of anything else.
    """
    from venire.engine import load_tokenizer
    from venire.engine.adapters import adapter_sha256

    if folder.exists():
        if adapter_sha256(folder) != candidate.sha256:
            raise InputError(f"{folder} is there already, with something else; name another folder, or remove it")
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        made = Path(scratch) / folder.name
        shutil.copytree(candidate.path, made)
        load_tokenizer(base).save_pretrained(str(made))
        if not (made / CARD).is_file():
            write_atomic(made / CARD, plain_card(candidate.lineage))
        made.rename(folder)
    return folder
