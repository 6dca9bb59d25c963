"""Panels: who judges, read from an experiment or a preset; families, and who may not judge whom.

A judge is named in one of these ways, each with options of its own:

    {model: anthropic/…, rubric: stance}          an LLM that replies in the form its rubric asks for
    {model: venire/smollm2-135m, margin: 0.05}    a local LLM, read from the token probabilities of A and B
    {embedding: all-minilm, margin: 0.02}         closeness to the person's answer, relative to the contrast
    {likelihood: smollm2-135m, margin: 0.01}      log-likelihood per token of the person's answer after the one judged
    {markers: commitment}                         wanted markers of a rubric that an answer shows, less unwanted ones
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from venire._common.errors import InputError
from venire._common.providers import LOCAL
from venire._common.reading import generation_fault, parse_yaml, read_yaml

from .houses import family_of_judge, houses
from .prices import TABLE, Price, price_of
from .rotation import EACH
from .rubric import load_rubric

PRESETS = Path(__file__).parent / "panels"
Kind = Literal["model", "choice", "embedding", "likelihood", "markers"]
Standing = Literal["counted", "shared", "conflict"]
Screen = Literal["rotate", "full"]
ANCHORS = 40  # pairs of the exam: 26 right pass

# Providers whose batch mode Inspect speaks.
_BATCHES = {"openai", "anthropic", "google", "together", "grok"}
_MARGINS: dict[Kind, float] = {"choice": 0.05, "embedding": 0.02, "likelihood": 0.01, "markers": 0.0}


class Judge(BaseModel):
    """One judge, settled: what the lock freezes and the manifest seals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str  # in votes: the model's Inspect name, or embedding:<model>, likelihood:<model>, markers:<rubric>
    kind: Kind  # how its verdict comes about
    model: str  # Inspect's name of an LLM; what the engine knows an embedding model by
    family: str
    weights: str | None = None  # of a local model: hub id and revision
    rubric: str | None = None
    rubric_sha256: str | None = None
    margin: float | None = None  # a smaller difference than this is a tie; in the judge's own unit
    generation: dict[str, Any] = {}  # Inspect's settings of its calls
    max_connections: int = Field(default=8, exclude=True)  # how fast it is asked is no part of who it is
    price: Price | None = Field(default=None, exclude=True)  # nor is what it costs; None: not known, or free

    @property
    def slug(self) -> str:
        """The name of its folder of logs."""
        return re.sub(r"[^A-Za-z0-9.]+", "-", self.name).strip("-.")

    @property
    def is_llm(self) -> bool:
        """Is it the model of its own task? Judges that measure without one run with `none`."""
        return self.kind in ("model", "choice")

    @property
    def in_batches(self) -> bool:
        """Is it asked in its vendor's batch mode?"""
        return bool(self.generation.get("batch"))

    @property
    def is_api(self) -> bool:
        """Does somebody else's machine answer, and count the calls?"""
        return self.kind == "model" and self.model.partition("/")[0] not in {*LOCAL, "none"}


class JudgeSpec(BaseModel):
    """A judge as a person writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = Field(default=None, description="an Inspect model name, e.g. openai/… or venire/smollm2-135m")
    embedding: str | None = Field(default=None, description="a local embedding model, e.g. all-minilm")
    likelihood: str | None = Field(default=None, description="a local base, e.g. smollm2-135m")
    markers: str | None = Field(default=None, description="a rubric that names wanted and unwanted markers")
    rubric: str | None = Field(default=None, description="a name in judges/rubrics, or the path of a .md file")
    read: Literal["text", "tokens"] | None = Field(
        default=None, description="a model's verdict: from its reply, or (venire/… only) from the odds of A and B"
    )
    margin: float | None = Field(default=None, ge=0, description="a smaller difference than this is a tie")
    generation: dict[str, Any] = Field(default={}, description="Inspect settings, e.g. {temperature: 0, batch: true}")
    batch: bool | None = Field(
        default=None, description="ask in the vendor's batch mode: half the price, replies within a day"
    )
    family: str | None = Field(default=None, description="whose model it is, where its name does not say")
    max_connections: int = Field(default=8, ge=1, description="calls in flight at once")
    price: Price | None = Field(default=None, description="US dollars per million tokens; default: judges/prices.yaml")

    @model_validator(mode="after")
    def _one_kind(self) -> "JudgeSpec":
        given = [key for key in ("model", "embedding", "likelihood", "markers") if getattr(self, key)]
        if len(given) != 1:
            raise ValueError("give exactly one of model, embedding, likelihood, markers")
        if self.model and "/" not in self.model:
            raise ValueError(f"model {self.model!r}: write provider/model, e.g. venire/smollm2-135m")
        if self.kind == "choice" and self.model and not self.model.startswith("venire/"):
            raise ValueError("read: tokens is for venire/… models, whose token probabilities are ours to read")
        if self.rubric and self.kind in ("embedding", "likelihood", "markers"):
            raise ValueError(f"{given[0]} takes no rubric: it measures, it does not read")
        if self.batch and not self.may_batch:
            raise ValueError(f"batch: {', '.join(sorted(_BATCHES))} have a batch mode, this judge has none")
        if self.margin is not None and self.kind == "model":
            raise ValueError("margin is for judges that measure; a model says tie by itself")
        return self

    @property
    def kind(self) -> Kind:
        """How its verdict comes about."""
        if self.embedding:
            return "embedding"
        if self.likelihood:
            return "likelihood"
        if self.markers:
            return "markers"
        local = (self.model or "").startswith("venire/")
        return "choice" if (self.read or ("tokens" if local else "text")) == "tokens" else "model"

    @property
    def may_batch(self) -> bool:
        """Has its vendor a batch mode?"""
        return self.kind == "model" and (self.model or "").partition("/")[0] in _BATCHES

    def settle(self, tables: tuple[Path, ...] = (), *, batch: bool = False) -> Judge:
        """The judge meant, its rubric's hash and every default written out; its price from `tables` before our own.

        `batch` is the panel's switch, which the judge's own goes before.
        """
        wanted = self.rubric or self.markers or {"model": "plain", "choice": "letter"}.get(self.kind)
        rubric = load_rubric(wanted) if wanted else None
        measured = self.embedding or self.likelihood or (rubric.name if rubric else None)
        name = self.model or f"{self.kind}:{measured}"
        if rubric and rubric.criteria and self.kind == "choice":
            raise InputError(f"judge {name!r}: rubric {rubric.name!r} has criteria, which one letter cannot score")
        if rubric and self.kind == "markers" and not rubric.has_markers:
            raise InputError(f"judge {name!r}: rubric {rubric.name!r} names no `wanted` and no `unwanted` markers")
        generation = self._generation(name, batch)
        return Judge(
            name=name,
            kind=self.kind,
            model=self.model or (f"venire/{self.likelihood}" if self.likelihood else str(measured)),
            family=self.family or family_of_judge(name),
            weights=self._weights(),
            rubric=wanted,
            rubric_sha256=rubric.sha256 if rubric else None,
            margin=_MARGINS.get(self.kind) if self.margin is None else self.margin,
            generation=generation,
            max_connections=self.max_connections,
            price=self.price or self._list_price(tables, generation),
        )

    def _list_price(self, tables: tuple[Path, ...], generation: dict[str, Any]) -> Price | None:
        if self.kind != "model" or self.model is None:
            return None
        return price_of(self.model, generation=generation, tables=(*tables, TABLE))

    def _generation(self, name: str, batch: bool) -> dict[str, Any]:
        asked = batch and self.may_batch if self.batch is None else self.batch
        settings = ({"batch": True} if asked else {}) | self.generation
        if fault := generation_fault(settings):
            raise InputError(f"judge {name!r}: generation.{fault}")
        return settings

    def _weights(self) -> str | None:
        local = self.embedding or self.likelihood or (self.model or "").partition("venire/")[2]
        if not local:
            return None
        from venire.engine import resolve_base

        return resolve_base(local.partition(":")[0]).identity


class AnchorSpec(BaseModel):
    """What the exam is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int = Field(default=ANCHORS, ge=ANCHORS, description="anchor pairs in all")
    preferences: str | None = Field(
        default=None,
        description="JSONL of the person's own preferences (prompt, chosen, rejected), held out from training; they "
        "make up to half of the exam",
    )


class Panel(BaseModel):
    """The set of judges of one experiment, and how they are examined and employed."""

    model_config = ConfigDict(frozen=True)

    judges: list[Judge]
    screen: Screen = "rotate"
    anchors: AnchorSpec = AnchorSpec()

    def __getitem__(self, name: str) -> Judge:
        for judge in self.judges:
            if judge.name == name:
                return judge
        raise InputError(f"judge {name!r} is not on the panel: {', '.join(j.name for j in self.judges)}")


class PanelSpec(BaseModel):
    """An experiment's `panel:` block."""

    model_config = ConfigDict(extra="forbid")

    preset: str | None = Field(default=None, description="a file in judges/panels, e.g. local")
    judges: list[JudgeSpec | str] = Field(default=[], description="judges, besides those of the preset")
    batch: bool = Field(default=False, description="every judge whose vendor has a batch mode is asked in it")
    screen: Screen = Field(
        default="rotate",
        description="rotate: two judges in turn look at each screening prompt; full: all of them do",
    )
    anchors: AnchorSpec = AnchorSpec()
    prices: str | None = Field(default=None, description="a price table of your own, in the form of judges/prices.yaml")


def resolve_panel(spec: dict[str, Any]) -> Panel:
    """The panel that `{preset: …}`, `{judges: [...]}` or both together mean.

    `screen: rotate` has each screening prompt judged by two of the panel in turn, `full` by all. `anchors: {n: 40,
    preferences: mine.jsonl}` is the exam. `prices: mine.yaml` goes before our own table.

    Raises InputError for an unknown preset, key or rubric, a judge that is named twice, and a panel of nobody.
    """
    try:
        given = PanelSpec.model_validate(spec)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if not re.match(r"function-|JudgeSpec$|str$", str(part)))
        raise InputError(f"panel.{where}: {first['msg'].removeprefix('Value error, ')}") from error
    named = [JudgeSpec(model=judge) if isinstance(judge, str) else judge for judge in given.judges]
    tables = (Path(given.prices),) if given.prices else ()
    judges = [
        spec.settle(tables, batch=given.batch) for spec in [*(_preset(given.preset) if given.preset else []), *named]
    ]
    if not judges:
        raise InputError("panel: name a preset (e.g. local) or at least one judge")
    for i, judge in enumerate(judges):
        if any(judge.slug == other.slug for other in judges[:i]):
            raise InputError(f"panel: {judge.name!r} is named twice; one judge has one voice")
    return Panel(judges=judges, screen=given.screen, anchors=given.anchors)


def parse_judge(text: str) -> Judge:
    """A judge as the command line names it: a model, `embedding:…`, `likelihood:…`, `markers:…`, or YAML in braces.

    Raises InputError saying what was wrong.
    """
    prefix, colon, rest = text.partition(":")
    if text.lstrip().startswith("{"):
        spec = parse_yaml(text, f"judge {text!r}")
    elif colon and prefix in ("embedding", "likelihood", "markers"):
        spec = {prefix: rest}
    else:
        spec = {"model": text}
    return resolve_panel({"judges": [spec]}).judges[0]


def priced(judge: Judge) -> Judge:
    """A judge read from a manifest, which holds no price, with the one that our table gives."""
    if not judge.is_api or judge.price is not None:
        return judge
    return judge.model_copy(update={"price": price_of(judge.model, generation=judge.generation)})


def needs_reference(judge: Judge) -> bool:
    """Can it judge only where the person's own answer is known?"""
    if judge.kind in ("embedding", "likelihood"):
        return True
    return judge.rubric is not None and "reference" in load_rubric(judge.rubric).needs


def _preset(name: str) -> list[JudgeSpec]:
    file = PRESETS / f"{name}.yaml"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or not file.is_file():
        known = ", ".join(sorted(path.stem for path in PRESETS.glob("*.yaml")))
        raise InputError(f"panel.preset {name!r} does not exist; the presets are {known}")
    return [JudgeSpec.model_validate(judge) for judge in read_yaml(file, "panel.preset")["judges"]]


# Conflicts of interest


class Origin(Protocol):
    """Where a contender's answers come from."""

    @property
    def name(self) -> str:
        """The contender."""
        ...

    @property
    def family(self) -> str:
        """Provider, or family of the base, of the model that answers."""
        ...

    @property
    def teachers(self) -> Sequence[str]:
        """Families that wrote or rewarded its training data."""
        ...


@dataclass(frozen=True)
class Judgeship:
    """May a judge's votes on a comparison count? `why` is for the report."""

    standing: Standing
    why: str


def judgeship(judge: Judge, candidate: Origin, incumbent: Origin) -> Judgeship:
    """Nobody judges its own (docs/statistics.md, "Judges").

    `conflict`: its family answers on one side only, or wrote or rewarded the training data: shown, not counted.
    `shared`: its family answers on both sides: counted and tagged.
    """
    own = houses([judge.family, *_read_by(judge)])
    for side in (candidate, incumbent):
        if taught := own & houses(side.teachers):
            return Judgeship("conflict", f"{min(taught)} wrote or rewarded the training data of {side.name}")
    in_candidate, in_incumbent = own & houses([candidate.family]), own & houses([incumbent.family])
    if in_candidate and in_incumbent:
        return Judgeship("shared", f"{judge.family} judges two contenders of its own family")
    if in_candidate or in_incumbent:
        side = candidate if in_candidate else incumbent
        return Judgeship("conflict", f"{side.name} is of the judge's own family, the other side is not")
    return Judgeship("counted", "no family in common")


def _read_by(judge: Judge) -> list[str]:
    """A likelihood is a model's own taste in texts, whatever the judge's prefix says."""
    if judge.kind != "likelihood":
        return []
    return [family_of_judge(judge.model)]


# Counting

# What one judgement takes, where nobody has measured it yet.
TOKENS_IN, TOKENS_OUT = 1500, 300


@dataclass(frozen=True)
class CallCount:
    """What one judge would be asked at most: `calls`, of which `anchors` are its exam. `paid` if a vendor answers.

    `usd` is what that costs at 1500 tokens in and 300 out a call; null where the price is not known, or nothing.
    """

    judge: str
    calls: int
    anchors: int
    paid: bool
    usd: float | None = None


def count_calls(panel: Panel, pairs: int, anchors: int | None = None, screened: int = 0) -> list[CallCount]:
    """How often each judge is asked about `pairs` pairs in both orders, and about the anchor pairs of its exam.

    `screened` are pairs of the screen besides, of which a panel that takes turns gives each judge only its share.
    """
    exam = 2 * (panel.anchors.n if anchors is None else anchors)
    turns = min(EACH, len(panel.judges)) / len(panel.judges) if panel.screen == "rotate" else 1.0
    calls = 2 * (pairs + math.ceil(screened * turns)) + exam
    return [
        CallCount(
            judge.name,
            calls,
            exam,
            judge.is_api,
            calls * judge.price.of(TOKENS_IN, TOKENS_OUT) if judge.price else None,
        )
        for judge in panel.judges
    ]
