"""The sealed manifest: which answer bears which label and stands in which place, for every judge, fixed beforehand.

Each (pair, judge) has one coin for the label of the first place, the same in both orders, so that each answer bears
each label once and stands in each place once, and one coin for which answer is first in the order asked first. Coins
follow from the seed, the pair's id (a hash of answers) and the judge's name; no contender's name enters, and no coin
depends on another, so that a judge who is added later moves nothing.

A judge's part is hashed by itself, and the manifest is the hash of the pairs and of all parts. Sealing a further judge
adds a seal; the earlier ones stay, and every judge log names the seal and the part that it was asked under. Only the
sheets (what judges are shown) and the ledger (which undoes it) read the manifest.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from venire._common.errors import InputError, VenireError
from venire._common.files import write_atomic
from venire._common.hashing import sha256_json

from .pairs import Pair, Side, Use
from .panel import Judge, Origin, Standing, judgeship
from .rubric import load_rubric
from .seeds import coin, sort_key

FORMAT = "venire.manifest/1"
Label = Literal["A", "B"]


class Entry(NamedTuple):
    """One (pair, judge): the label of the first place in both orders, and who stands there in the order asked first."""

    first_label: Label
    first_side: Side


class SealedPair(BaseModel):
    """One pair of one comparison. Two comparisons of the same texts are two of these with one `pair` id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pair: str
    prompt_id: str
    epoch: int
    family: str
    domain: str | None
    use: Use
    candidate: str
    incumbent: str
    candidate_side: Side
    sha_candidate: str
    sha_incumbent: str
    sha_low: str  # of the texts as shown
    sha_high: str
    len_candidate: int
    len_incumbent: int
    identical: bool
    flags_candidate: list[str]
    flags_incumbent: list[str]


class Judged(BaseModel):
    """A judge's standing in one comparison."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidate: str
    incumbent: str
    standing: Standing
    why: str


class Part(BaseModel):
    """One judge's part: who it is, where it may count, and what it is shown, in the order in which it is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    judge: Judge
    rubric: str | None  # the rubric's whole text
    standing: list[Judged]
    entries: dict[str, Entry]
    sha256: str

    def first_side(self, pair: str, asked: int) -> Side:
        """Which answer stood first when `pair` was asked the first (1) or second (2) time."""
        first = self.entries[pair].first_side
        return first if asked == 1 else _other(first)


class Seal(BaseModel):
    """The whole at one moment: the pairs' hash, each judge's part, and the hash of both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pairs: str
    parts: dict[str, str]
    sha256: str


class Manifest(BaseModel):
    """Everything that was sealed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["venire.manifest/1"]
    seed: int
    pairs: list[SealedPair]
    parts: dict[str, Part]  # by judge
    seals: list[Seal]  # oldest first; the last is of what stands here

    @property
    def sha256(self) -> str:
        """The manifest's identity: that of its last seal."""
        return self.seals[-1].sha256

    @property
    def pair_ids(self) -> list[str]:
        """Every pair once."""
        return list(dict.fromkeys(pair.pair for pair in self.pairs))

    @property
    def added(self) -> list[str]:
        """Judges who joined after the first seal: what they say is post hoc."""
        return [judge for judge in self.parts if judge not in self.seals[0].parts]

    def seal_of(self, judge: str) -> str:
        """The seal under which a judge was first asked: the one that its logs name."""
        return next(seal.sha256 for seal in self.seals if judge in seal.parts)

    def ids(self, *, use: Iterable[Use] | None = None, candidates: Iterable[str] | None = None) -> list[str]:
        """The ids of pairs of these uses and candidates, each once; None is all."""
        uses, names = (None if given is None else set(given) for given in (use, candidates))
        return list(
            dict.fromkeys(
                pair.pair
                for pair in self.pairs
                if (uses is None or pair.use in uses) and (names is None or pair.candidate in names)
            )
        )


def seal(
    pairs: Sequence[Pair], judges: Sequence[Judge], path: Path, *, seed: int, origins: Sequence[Origin] = ()
) -> Manifest:
    """Seal `pairs` for `judges` into the file `path`, or add judges to what was sealed there before.

    `origins` says where contenders' answers come from; one who is not among them (the sides of anchor pairs) is in
    conflict with nobody. Raises VenireError if other pairs, or the same judge otherwise, were sealed before.
    """
    sealed = sorted(
        (_sealed(pair) for pair in pairs), key=lambda p: (p.use == "anchor", p.candidate, p.prompt_id, p.epoch)
    )
    whole = _pairs_hash(sealed)
    before = read_manifest(path) if path.is_file() else None
    if before is not None and (before.pairs != sealed or before.seed != seed):
        raise VenireError(
            f"{path} was sealed for other answers or another seed; judge these in a run of their own "
            "(the experiment's name is its folder)"
        )
    parts = dict(before.parts) if before else {}
    for judge in judges:
        part = _part(sealed, whole, judge, seed, origins)
        if judge.name in parts and parts[judge.name].sha256 != part.sha256:
            raise VenireError(
                f"{path}: judge {judge.name!r} was sealed with another rubric, margin or standing; "
                "its votes would be of two judges under one name"
            )
        parts.setdefault(judge.name, part)
    if before is not None and parts.keys() == before.parts.keys():
        return before
    now = _seal(whole, parts)
    manifest = Manifest(
        format=FORMAT, seed=seed, pairs=sealed, parts=parts, seals=[*(before.seals if before else []), now]
    )
    write_atomic(path, json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False) + "\n")
    return manifest


def read_manifest(path: Path) -> Manifest:
    """The manifest in a file, verified. Raises InputError if there is none, VenireError if it was tampered with."""
    if not path.is_file():
        raise InputError(f"{path}: no manifest there; it is sealed by: venire judge")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise VenireError(f"{path} is no manifest: {error.errors()[0]['msg']}") from error
    verify(manifest, str(path))
    return manifest


def verify(manifest: Manifest, where: str = "manifest") -> None:
    """Raises VenireError unless every hash and every coin is what seed, pairs and judges make it."""
    whole = _pairs_hash(manifest.pairs)
    for name, part in manifest.parts.items():
        if name != part.judge.name or part.sha256 != _hash(whole, part):
            raise VenireError(f"{where}: the part of judge {name!r} does not match its sha256: it was changed")
        if part.entries != _entries(manifest.pairs, name, manifest.seed):
            raise VenireError(f"{where}: the labels of judge {name!r} are not those that the seed gives")
    hashes = {name: part.sha256 for name, part in manifest.parts.items()}
    for seal_ in manifest.seals:
        known = seal_.parts.items() <= hashes.items() and seal_.pairs == whole
        if not known or seal_.sha256 != sha256_json([seal_.pairs, seal_.parts]):
            raise VenireError(f"{where}: a seal does not match what stands under it: it was changed")
    if not manifest.seals or manifest.seals[-1].parts != hashes:
        raise VenireError(f"{where}: the last seal does not cover every judge")


def _sealed(pair: Pair) -> SealedPair:
    return SealedPair(
        pair=pair.id,
        prompt_id=pair.prompt_id,
        epoch=pair.epoch,
        family=pair.family,
        domain=pair.domain,
        use=pair.use,
        candidate=pair.candidate.contender,
        incumbent=pair.incumbent.contender,
        candidate_side=pair.candidate_side,
        sha_candidate=pair.candidate.sha256,
        sha_incumbent=pair.incumbent.sha256,
        sha_low=pair.sides["low"].sha256_shown,
        sha_high=pair.sides["high"].sha256_shown,
        len_candidate=len(pair.candidate.text),
        len_incumbent=len(pair.incumbent.text),
        identical=pair.identical,
        flags_candidate=list(pair.candidate.flags),
        flags_incumbent=list(pair.incumbent.flags),
    )


def _part(pairs: list[SealedPair], whole: str, judge: Judge, seed: int, origins: Sequence[Origin]) -> Part:
    known = {origin.name: origin for origin in origins}
    standing = []
    for candidate, incumbent in dict.fromkeys((pair.candidate, pair.incumbent) for pair in pairs):
        if candidate in known and incumbent in known:
            found = judgeship(judge, known[candidate], known[incumbent])
            standing.append(Judged(candidate=candidate, incumbent=incumbent, standing=found.standing, why=found.why))
    part = Part(
        judge=Judge.model_validate(judge.model_dump()),  # without what is no part of its identity
        rubric=_rubric_text(judge),
        standing=standing,
        entries=_entries(pairs, judge.name, seed),
        sha256="",
    )
    return part.model_copy(update={"sha256": _hash(whole, part)})


def _rubric_text(judge: Judge) -> str | None:
    if judge.rubric is None:
        return None
    rubric = load_rubric(judge.rubric)
    if rubric.sha256 != judge.rubric_sha256:
        raise InputError(f"rubric {judge.rubric!r} was changed after judge {judge.name!r} was settled; undo that")
    return rubric.text


def _entries(pairs: Sequence[SealedPair], judge: str, seed: int) -> dict[str, Entry]:
    ids = sorted({pair.pair for pair in pairs}, key=lambda pair: sort_key(seed, judge, pair, "sequence"))
    return {
        pair: Entry(
            "A" if coin(seed, judge, pair, "label") else "B", "low" if coin(seed, judge, pair, "first") else "high"
        )
        for pair in ids
    }


def _hash(whole: str, part: Part) -> str:
    content = part.model_dump(mode="json", exclude={"sha256"})
    # As a list: the order of the entries is the sequence in which the judge is asked.
    return sha256_json([whole, content | {"entries": list(content["entries"].items())}])


def _pairs_hash(pairs: Sequence[SealedPair]) -> str:
    return sha256_json([pair.model_dump(mode="json") for pair in pairs])


def _seal(whole: str, parts: dict[str, Part]) -> Seal:
    hashes = {name: part.sha256 for name, part in parts.items()}
    return Seal(pairs=whole, parts=hashes, sha256=sha256_json([whole, hashes]))


def _other(side: Side) -> Side:
    return "high" if side == "low" else "low"
