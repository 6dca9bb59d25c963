"""Under Inspect's own command too, an error of ours is one sentence on standard error and no traceback."""

import sys
from pathlib import Path
from types import TracebackType

from venire._common.errors import VenireError


def tell_plainly() -> None:
    """Sets the hook if this program is `inspect`; scripts and notebooks keep their tracebacks."""
    program = Path(sys.argv[0] if sys.argv else "")
    if program.stem != "inspect" and program.parent.name != "inspect_ai":
        return
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, VenireError):
            from venire.reports.escape import visible  # an error quotes what stands in somebody's file

            print(f"venire: {visible(error)}", file=sys.stderr)
        else:
            before(kind, error, trace)

    sys.excepthook = hook
