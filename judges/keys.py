"""Is the key there that a judge's vendor asks for? Known before anybody is asked, and by the name of the variable."""

from venire._common.opening import lacks_something, why_unopened
from venire._common.quiet import unheard

from .panel import Judge


def missing_key(judge: Judge) -> str | None:
    """One sentence naming what a judge of a vendor lacks (variable, package, provider); None if it can be asked."""
    if not judge.is_api:
        return None
    from inspect_ai.model import get_model

    try:
        with unheard():
            get_model(judge.model, memoize=False)  # one that was opened when there was a key proves nothing
    except Exception as error:
        if (why := why_unopened(error)) is None:
            raise
        if not lacks_something(error):
            return f"judge {judge.name!r}: {why} Write provider/model, the provider as Inspect names it"
        return (
            f"judge {judge.name!r}: {why} Set it, or take a panel without this judge "
            "(`panel: {preset: local}` needs no key)"
        )
    return None
