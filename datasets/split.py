"""Which rows are trained on and which only measured with: by family, so that no family stands on both sides.

Families that ask nearly the same in other words go the same way too. Shares are met within every category, to the
nearest family; what a family holds does not move it, so a changed answer stays where it was. A family that would fill a
part by itself is trained on.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256

from venire._common.errors import InputError
from venire._common.hashing import sha256_text

from .rows import Row, SftRow
from .similarity import near_twins, plain
from .spec import Part, Split

_FEW_WORDS, _SOME_WORDS, _MANY_FAMILIES = 5, 12, 5  # of small talk
_LARGE = 3  # times the usual group
_SAYS = 5  # rows: a part of fewer is missed by chance


def asked(row: Row) -> str:
    """What the row's chat begins with: the first message of the user."""
    return turns_asked(row)[0]


def turns_asked(row: Row) -> list[str]:
    """What the user says in the row's chat, turn by turn."""
    turns = row.messages if isinstance(row, SftRow) else row.prompt
    return [message.content for message in turns if message.role == "user"]


def asked_in_all(row: Row) -> str:
    """All that the user says in the row's chat: two chats that begin with the same greeting are not the same."""
    return "\n".join(turns_asked(row))


def family_of(row: Row) -> str:
    """The row's family; a row without one is a family with those that ask the same."""
    return row.family or f"q-{sha256_text(plain(asked_in_all(row)))[:16]}"


def small_talk(rows: Sequence[Row]) -> set[str]:
    """Plain texts such as `ok` or `how are you`: of few words, and said in many families.

    They tell nothing about what a chat asks for. A turn of a longer chat may be longer ("what do you think yourself?").
    """
    by: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        turns = turns_asked(row)
        for text in map(plain, turns):
            if text.count(" ") < (_FEW_WORDS if len(turns) == 1 else _SOME_WORDS):
                by[text].add(family_of(row))
    return {text for text, families in by.items() if len(families) >= _MANY_FAMILIES}


def split_families(rows: Sequence[Row], pinned: Mapping[str, Part], shares: Split, seed: int) -> dict[str, Part]:
    """The part of every family of `rows`; `pinned` says it for some.

    Raises InputError where two families that ask nearly the same are pinned to different parts.
    """
    groups = _groups(rows)
    category: dict[str, str] = {}
    for row in rows:
        group = groups[family_of(row)]
        category[group] = min(category.get(group, row.category), row.category)
    parts = _pinned_groups(groups, pinned)
    sizes = Counter(groups[family_of(row)] for row in rows)
    for group in _large({group: size for group, size in sizes.items() if group not in parts}, shares):
        parts[group] = "train"
    free = [group for group in category if group not in parts]
    order = _order(free, category, seed)
    evaluation = round(shares.evaluation * len(order))
    validation = round(shares.validation * len(order))
    for at, group in enumerate(order):
        parts[group] = "evaluation" if at < evaluation else "validation" if at < evaluation + validation else "train"
    return {family: parts[group] for family, group in groups.items()}


def missed_shares(
    rows: Sequence[Row], parts: Mapping[str, Part], pinned: Mapping[str, Part], shares: Split
) -> list[str]:
    """A note for each part that holds less than half, or more than one and a half times, the rows that it should."""
    found = Counter(parts[family_of(row)] for row in rows if family_of(row) not in pinned)
    total, notes = found.total(), []
    for part, share in (("validation", shares.validation), ("evaluation", shares.evaluation)):
        if share * total >= _SAYS and not 0.5 <= found[part] / (share * total) <= 1.5:
            notes.append(
                f"{part} holds {found[part]} of {total} rows, {found[part] / total:.0%} where {share:.0%} were asked "
                "for: a family, or families that ask the same, are never parted"
            )
    return notes


def _large(sizes: Mapping[str, int], shares: Split) -> list[str]:
    """The groups that would fill half a part or more by themselves, being far larger than the usual one."""
    share = min((share for share in (shares.validation, shares.evaluation) if share), default=1.0)
    least = max(share / 2, _LARGE / len(sizes)) * sum(sizes.values()) if sizes else 0
    return [group for group, size in sizes.items() if size > least]


def _groups(rows: Sequence[Row]) -> dict[str, str]:
    """Each family's group, named by one of its families: families are joined where their prompts nearly repeat."""
    owner: dict[str, str] = {}
    parent: dict[str, str] = {}
    passing = small_talk(rows)

    def root(family: str) -> str:
        while parent[family] != family:
            parent[family] = parent[parent[family]]
            family = parent[family]
        return family

    def join(one: str, other: str) -> None:
        low, high = sorted((root(one), root(other)))
        parent[high] = low

    for row in rows:
        family = family_of(row)
        parent.setdefault(family, family)
        for text in map(plain, turns_asked(row)):
            if text not in passing:
                join(owner.setdefault(text, family), family)
    texts = sorted(owner)
    for i, j, _ in near_twins(texts):
        join(owner[texts[i]], owner[texts[j]])
    return {family: root(family) for family in parent}


def _pinned_groups(groups: Mapping[str, str], pinned: Mapping[str, Part]) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    by: dict[str, str] = {}
    for family, part in pinned.items():
        group = groups[family]
        if parts.setdefault(group, part) != part:
            raise InputError(
                f"the families {by[group]!r} and {family!r} ask the same, or nearly, and are to be in {parts[group]} "
                f"and in {part}; take one of them out"
            )
        by.setdefault(group, family)
    return parts


def _order(groups: Sequence[str], category: Mapping[str, str], seed: int) -> list[str]:
    """The groups in a drawn order in which every category is spread evenly, so that any beginning holds its share."""
    drawn = {group: sha256(f"{seed}:{group}".encode()).digest() for group in groups}
    members: dict[str, list[str]] = defaultdict(list)
    for group in sorted(groups, key=drawn.__getitem__):
        members[category[group]].append(group)
    place: dict[str, tuple[float, bytes]] = {}
    for name, own in members.items():
        start = int.from_bytes(sha256(f"{seed}:{name}".encode()).digest()[:6]) / (1 << 48)
        for at, group in enumerate(own):
            place[group] = ((at + start) / len(own), drawn[group])
    return sorted(groups, key=place.__getitem__)
