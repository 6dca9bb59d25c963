"""Why a model cannot be opened: what Inspect says is missing or misnamed, told apart from faults of our own."""

import re


def why_unopened(error: Exception) -> str | None:
    """What the user can mend, if Inspect's `get_model` failed for that; None for any other error.

    A missing key or package is of Inspect's own kind, a name that it cannot read a bare ValueError, and weights that
    are not where the name says an OSError.
    """
    if lacks_something(error) or type(error) is ValueError or isinstance(error, OSError):
        return plain_message(error) or type(error).__name__
    return None


def lacks_something(error: Exception) -> bool:
    """Does Inspect say that a key or a package is missing? Its own kind of error, which is not public."""
    return type(error).__name__ == "PrerequisiteError"


def plain_message(error: Exception) -> str:
    """What Inspect says is missing, without its markup and on one line."""
    text = re.sub(r"\[/?(?:bold|blue|red|green|italic)\]", "", str(getattr(error, "message", error)))
    return " ".join(text.removeprefix("ERROR: ").split())
