"""The finished samples of an Inspect log, read many at a time.

Inspect's own `read_eval_log_samples` opens the log anew for every sample, also for each that is missing, so that its
time grows with the square of their number.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample

_AT_ONCE = 500  # samples in memory: a log may hold more text than fits
_UNREAD = {"events", "attachments", "store"}  # large, and nothing of ours looks at them


def finished_samples(log: Path | str) -> "Iterator[EvalSample]":
    """The samples that a log holds, also that of an evaluation which was killed, in the dataset's order, then by epoch.

    Raises whatever Inspect raises for a file that is no log.
    """
    from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries, read_eval_log_samples_by_id

    ids = read_eval_log(log, header_only=True).eval.dataset.sample_ids or []
    place = {str(id): i for i, id in enumerate(ids)}
    held = {(str(each.id), each.epoch): each.id for each in read_eval_log_sample_summaries(log)}
    found = sorted(held, key=lambda key: (place.get(key[0], len(place)), key[1]))
    for start in range(0, len(found), _AT_ONCE):
        wanted = [(held[key], key[1]) for key in found[start : start + _AT_ONCE]]
        yield from read_eval_log_samples_by_id(log, wanted, exclude_fields=_UNREAD)
