"""What Inspect finds under `venire/…`: the entry point imports this module for its decorators."""

from inspect_ai.model import ModelAPI, modelapi

from venire import evals as _evals  # suites, solvers, scorers
from venire.judges import tasks as _judges  # the judge task
from venire.uncaught import tell_plainly

__all__ = ["venire"]


@modelapi(name="venire")
def venire() -> type[ModelAPI]:
    """Local bases with any number of adapters; torch is imported when the first model is made."""
    from venire.engine.provider import VenireAPI

    return VenireAPI


_ = (_evals, _judges)
tell_plainly()
