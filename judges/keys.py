"""Is the key there that a judge's vendor asks for? Known before anybody is asked, and by the name of the variable."""

import re

from venire._common.quiet import unheard

from .panel import Judge


def missing_key(judge: Judge) -> str | None:
    """One sentence naming the variable or package that a judge of a vendor lacks; None if it can be asked."""
    if not judge.is_api:
        return None
    from inspect_ai.model import get_model

    try:
        with unheard():
            get_model(judge.model, memoize=False)  # one that was opened when there was a key proves nothing
    except Exception as error:
        if type(error).__name__ != "PrerequisiteError":  # Inspect's, and not public
            raise
        return (
            f"judge {judge.name!r}: {plain_message(error)} Set it, or take a panel without this judge "
            "(`panel: {preset: local}` needs no key)"
        )
    return None


def plain_message(error: Exception) -> str:
    """What Inspect says is missing, without its markup and on one line."""
    text = re.sub(r"\[/?(?:bold|blue|red|green|italic)\]", "", str(getattr(error, "message", error)))
    return " ".join(text.removeprefix("ERROR: ").split())
