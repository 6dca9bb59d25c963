"""Votes that were cast in a chat: shown beside the gate's, and never counted with them."""

from collections import Counter
from pathlib import Path

from venire._common.errors import VenireError
from venire._common.hashing import sha256_file

from .people import PeoplesVotes
from .votes import read_votes

CHAT = "chat/votes.jsonl"


def informal_votes(run: Path) -> PeoplesVotes | None:
    """Votes that were cast in a chat with two contenders, kept apart from the gate's; None if there are none.

    Raises VenireError for a row that is not an informal one of a person.
    """
    path = run / CHAT
    if not path.is_file():
        return None
    votes = read_votes(path)
    stray = [row for row in votes.iter_rows(named=True) if row["use"] != "informal" or row["judge_family"] != "human"]
    if stray:
        raise VenireError(f"{path}: a vote of {stray[0]['judge']!r} for use {stray[0]['use']!r} is no informal one")
    counts = Counter(votes["judge"])
    return PeoplesVotes(votes.to_dicts(), sha256_file(path), dict(sorted(counts.items())))
