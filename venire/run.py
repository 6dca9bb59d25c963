"""One run of an experiment: its folder, its contenders, its lock, its clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from venire._common.errors import InputError, VenireError
from venire._common.files import read_json, write_json
from venire._common.hashing import sha256_file, sha256_json
from venire._common.holding import held

from .experiment import CandidateSpec, Experiment, load_experiment

RUNS = Path("runs")
LOOKING = ("plan", "report")  # stages that may look at a run while another is at work in it


@dataclass(frozen=True)
class Contender:
    """What a comparison compares: weights × treatment, under the experiment's generation settings.

    `path` is the folder of the candidate's weights (None: an untrained base), `sha256` their identity (the base's
    identity for an untrained base), `teachers` the families that wrote or rewarded its training data, and
    `treatment_sha256` the treatment's content, in what the registry keeps.
    """

    name: str
    model: str
    treatment: str
    base: str
    kind: str
    sha256: str
    family: str
    path: str | None = None
    candidate: str | None = None
    step: int = 0
    teachers: tuple[str, ...] = ()
    treatment_sha256: str | None = None


class Run:
    """The folder `runs/<name>/` of an experiment, and what stands in it."""

    def __init__(self, path: Path, root: Path = RUNS) -> None:
        self.path = path
        self.experiment: Experiment = load_experiment(path)
        self.folder = root / self.experiment.name
        self.lock_file = self.folder / "experiment.lock"
        self.candidates = self.folder / "candidates"
        self.eval_logs = self.folder / "logs" / "eval"
        self.contenders_file = self.folder / "contenders.json"

    @property
    def lock(self) -> dict[str, Any] | None:
        """What was frozen, or None before `plan`."""
        return read_json(self.lock_file) if self.lock_file.is_file() else None

    def require_lock(self) -> dict[str, Any]:
        """The lock. Raises VenireError before `plan`, and if the file was edited since."""
        lock = self.lock
        if lock is None:
            raise VenireError(
                f"{self.lock_file} is not there: freeze the experiment first with: venire plan {self.path}"
            )
        if lock["sha256"] != sha256_json(lock["frozen"]):
            raise VenireError(f"{self.lock_file} was edited after it was frozen: its sha256 no longer matches")
        return lock

    def base_contenders(self) -> list[Contender]:
        """Every base under every treatment."""
        from venire.engine import resolve_base

        found = []
        for name in self.experiment.bases:
            base = resolve_base(name)
            for treatment in self.experiment.treatments:
                model = self._served(f"venire/{name}")
                found.append(
                    Contender(f"{name}/{treatment}", model, treatment, name, "base", base.identity, base.family)
                )
        return found

    def _served(self, model: str) -> str:
        """What an Inspect model of the local engine is called where the experiment has vLLM serve it."""
        if self.experiment.serve != "vllm" or not model.startswith("venire/"):
            return model
        from venire.engine import vllm_name

        return vllm_name(model)

    def incumbent(self) -> Contender:
        """The contender to beat: a champion as it was frozen. Raises VenireError if the registry names no champion."""
        if self.experiment.incumbent != "registry:champion":
            return next(c for c in self.base_contenders() if c.name == self.experiment.incumbent)
        # A lock of before champions were frozen was judged against one without its hash in the name.
        return self._champion(self.frozen_champion() or current_champion(hashed=self.lock is None))

    def _champion(self, entry: dict[str, Any]) -> Contender:
        return Contender(**{**entry, "model": self._served(entry["model"]), "teachers": tuple(entry["teachers"])})

    def frozen_champion(self) -> dict[str, Any] | None:
        """The registry's champion when the experiment was frozen; None if it was not asked for, or by an older lock."""
        lock = self.lock
        return lock["frozen"].get("champion") if lock else None

    def candidate_contenders(self) -> list[Contender]:
        """Every candidate that is there now, in the order of the experiment file and of training steps.

        The incumbent itself is none: see `left_out`. Raises InputError if two contenders have one name.
        """
        return self._sorted_candidates()[0]

    def left_out(self) -> list[Contender]:
        """Whom the experiment names as candidates, and who is the incumbent: the same weights, treated the same."""
        return self._sorted_candidates()[1]

    def _sorted_candidates(self) -> tuple[list[Contender], list[Contender]]:
        from . import store

        found: list[Contender] = []
        for spec in self.experiment.candidates:
            treatment = self.experiment.treatment_of(spec)
            for candidate in self._weights(spec, store):
                contender = candidate.contender(treatment)
                found.append(replace(contender, model=self._served(contender.model)))
        names = [c.name for c in found]
        if doubled := sorted({n for n in names if names.count(n) > 1}):
            raise InputError(f"{self.path}: two candidates are called {doubled[0]!r}; give one another name")
        try:
            incumbents = [self.incumbent()]
        except VenireError:  # nobody was promoted yet, which whoever asks for the incumbent is told
            incumbents = []
        others = [c for c in found if not any(_same(c, incumbent) for incumbent in incumbents)]
        self._check_names(others, [*incumbents, *self.base_contenders()])
        return others, [c for c in found if c not in others]

    def _check_names(self, candidates: list[Contender], others: list[Contender]) -> None:
        """Raises InputError if a candidate has the name of other weights that take part."""
        taken = {other.name: other for other in others}
        for candidate in candidates:
            other = taken.get(candidate.name)
            if other and not _same(candidate, other):
                raise InputError(
                    f"{self.path}: candidate {candidate.name!r} has the name of other weights "
                    f"({other.model}) in this experiment; give it one of its own by "
                    f"`venire candidates add {candidate.path} --name NAME`, and name it as {{name: NAME}}"
                )

    def declared_teachers(self) -> dict[str, list[str]]:
        """Teachers of candidates that were trained elsewhere, by name: what is known of them, and what is declared."""
        from . import store

        given = [spec for spec in self.experiment.candidates if spec.path or spec.name]
        found = [candidate for spec in given for candidate in self._weights(spec, store)]
        return {candidate.name: list(candidate.teachers) for candidate in found if candidate.teachers}

    def _weights(self, spec: CandidateSpec, store: Any) -> list[Any]:
        if spec.recipe:
            from .trainings import base_trained_on

            return store.trained(self.candidates, spec.recipe, base_trained_on(self.experiment, spec))
        if spec.path:
            stored = store.add(Path(spec.path), spec.base or self._only_base(), None)
            return [replace(stored, teachers=tuple(sorted({*stored.teachers, *spec.teachers})))]
        return [store.find(spec.name, self.experiment.bases) if spec.name else store.bare(spec.base or "")]

    def _only_base(self) -> str | None:
        """The base that an adapter sits on where the experiment has just one; else its own config says."""
        return self.experiment.bases[0] if len(self.experiment.bases) == 1 else None

    def write_contenders(self, contenders: list[Contender]) -> None:
        """Record who is who, for the registry and the report; judges never read it."""
        treated = self.require_lock()["frozen"]["treatments"]
        told = [replace(c, treatment_sha256=sha256_json(treated.get(c.treatment))) for c in contenders]
        write_json(self.contenders_file, [asdict(c) for c in told])

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage and add it to run.json, whether it ends well or not.

        Raises InputError if another process works in this run: both would do, count and pay for all of it.
        """
        with nullcontext() if name in LOOKING else held(self.folder):
            start = time.monotonic()
            try:
                yield
            finally:
                self._clock(name, time.monotonic() - start)

    def _clock(self, name: str, seconds: float) -> None:
        import os

        file = self.folder / "run.json"
        record = read_json(file) if file.is_file() else {"stages": []}
        stages = {entry["name"]: entry for entry in record["stages"]}
        before = stages.get(name, {}).get("seconds", 0.0)
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        stages[name] = {"name": name, "seconds": round(before + seconds, 1), "finished": finished}
        record |= {
            "stages": list(stages.values()),
            "seed": self.experiment.seed,
            "threads": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
            "versions": versions(),
            "experiment_file": self.path.name,
            "experiment_sha256": sha256_file(self.path),
        }
        write_json(file, record)


def _same(one: Contender, other: Contender) -> bool:
    """Are they the same weights under the same treatment, whatever they are called?"""
    from venire.engine import resolve_base

    if one.treatment != other.treatment or one.kind != other.kind:
        return False
    if one.model == other.model:
        return True
    if one.sha256 != other.sha256:
        return False
    return one.kind != "adapter" or resolve_base(one.base).identity == resolve_base(other.base).identity


def current_champion(*, hashed: bool = True) -> dict[str, Any]:
    """The registry's champion as of now, `hashed`: with its hash in its name where it was trained.

    A recipe trained once more gives the same names, and a name means one contender in an experiment.
    Raises VenireError if nothing was promoted.
    """
    from .registry import Registry

    champion = Registry().champion
    if champion is None:
        raise VenireError("incumbent is registry:champion, but nothing was promoted yet; name a base instead")
    if not hashed or champion["kind"] == "base":
        return champion
    name = champion["name"].removesuffix(f"/{champion['treatment']}")
    return champion | {"name": f"{name}@{champion['sha256'][:8]}/{champion['treatment']}"}


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    from importlib.metadata import version

    return {name: version(name) for name in ("venire", "inspect-ai", "torch", "transformers", "peft", "trl")}
