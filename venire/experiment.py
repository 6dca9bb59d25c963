"""The experiment file: one YAML that names everything, checked before anything runs."""

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from venire._common.errors import InputError
from venire._common.reading import first_fault, generation_fault, read_yaml
from venire.judges.policy import GatePolicy, NonInferiority, Threshold, parse_policy

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
PACKAGE = Path(__file__).resolve().parent


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CandidateSpec(_Strict):
    """Where candidates come from: a recipe to train, weights on disk, a stored candidate, or a bare base."""

    recipe: str | None = Field(
        default=None, description="a training recipe (YAML): every checkpoint becomes a candidate"
    )
    path: str | None = Field(default=None, description="an adapter or full weights that were trained elsewhere")
    name: str | None = Field(default=None, description="a candidate that `venire candidates add` has stored")
    base: str | None = Field(
        default=None,
        description="alone: an untrained base, to compare its treatments; beside recipe or path: what it trains "
        "or sits on; default: the first base",
    )
    treatment: str | None = Field(
        default=None, description="what is put around its prompts; default: the first treatment"
    )
    teachers: list[str] = Field(
        default=[],
        description="beside path: the families that wrote or rewarded its training data, e.g. [anthropic, qwen2.5]; "
        "judges of theirs are shown and not counted",
    )

    @model_validator(mode="after")
    def _one_source(self) -> "CandidateSpec":
        given = [key for key in ("recipe", "path", "name") if getattr(self, key)]
        if len(given) > 1 or not (given or self.base):
            raise ValueError("give one of recipe, path, name, or a base alone")
        if self.name and self.base:
            raise ValueError("a stored candidate knows its base; leave `base` out")
        if self.teachers and not self.path:
            raise ValueError(
                "`teachers` goes with `path`; rows of a recipe's data name their `teacher`, and a stored candidate's "
                "are said by: venire candidates add PATH --teacher FAMILY"
            )
        return self

    @field_validator("teachers")
    @classmethod
    def _families(cls, value: list[str]) -> list[str]:
        from .store import check_family

        try:
            return sorted({check_family(name) for name in value})
        except InputError as error:
            raise ValueError(str(error)) from error


class SuiteSpec(_Strict):
    """One suite: an Inspect task by name, and what the gate asks of it."""

    task: str = Field(description="`venire/…`, or any Inspect task such as `inspect_evals/gsm8k`")
    limit: int | None = Field(default=None, ge=1)
    epochs: int | None = Field(default=None, ge=1, description="how often each item is asked; default: the task's own")
    judge: bool = Field(default=False, description="its answers are compared by the panel")
    metric: str | None = Field(
        default=None, description="the score that non-inferiority compares; default: the suite's only one"
    )
    non_inferiority: NonInferiority | None = None
    thresholds: dict[str, Threshold] = {}
    args: dict[str, Any] = {}
    generation: dict[str, Any] = Field(
        default={}, description="Inspect's settings of its calls, before the experiment's, e.g. {max_tokens: 64}"
    )

    @field_validator("generation")
    @classmethod
    def _settings(cls, value: dict[str, Any]) -> dict[str, Any]:
        if fault := generation_fault(value):
            raise ValueError(fault)
        return value

    @property
    def name(self) -> str:
        """The task's own name, without its package."""
        return self.task.rsplit("/", 1)[-1]


class Budget(_Strict):
    """What judging may use in all its runs together; at the limit it stops cleanly and says so."""

    calls: int | None = Field(default=None, ge=1, description="calls to judges that somebody is paid for")
    usd: float | None = Field(
        default=None, gt=0, description="US dollars, by the prices of judges/prices.yaml or the panel's own"
    )


class Generation(_Strict):
    """How contenders answer; a task's own settings and a suite's `generation` come before it."""

    max_tokens: int = Field(default=512, ge=1)
    temperature: float = Field(default=0.0, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = None


class Experiment(_Strict):
    """The whole of an experiment file."""

    name: str
    seed: int = 0
    bases: list[str] = Field(min_length=1)
    treatments: dict[str, dict[str, Any]] = {"plain": {}}
    incumbent: str
    candidates: list[CandidateSpec] = Field(min_length=1)
    suites: list[SuiteSpec] = Field(min_length=1)
    generation: Generation = Generation()
    serve: Literal["venire", "vllm"] = Field(
        default="venire",
        description="what runs the contenders: the local engine, or vLLM, for bases past one GPU (a server that is "
        "started, or the one at VLLM_BASE_URL)",
    )
    panel: dict[str, Any] = {"preset": "local"}
    gate: dict[str, Any] = {}
    budget: Budget = Budget()

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("use letters, digits, '-' and '_': it names the run's folder")
        return value

    @model_validator(mode="after")
    def _names_exist(self) -> "Experiment":
        if not self.treatments:
            raise ValueError("treatments: name at least one, e.g. {plain: {}}")
        for i, candidate in enumerate(self.candidates):
            if candidate.treatment and candidate.treatment not in self.treatments:
                raise ValueError(
                    f"candidates[{i}].treatment {candidate.treatment!r} is not one of {list(self.treatments)}"
                )
        if self.incumbent != "registry:champion":
            base, _, treatment = self.incumbent.rpartition("/")
            if base not in self.bases or treatment not in self.treatments:
                options = [f"{b}/{t}" for b in self.bases for t in self.treatments]
                raise ValueError(f"incumbent {self.incumbent!r} is none of {options}, nor registry:champion")
        names = [suite.name for suite in self.suites]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"suites: {doubled[0]!r} is named twice")
        return self

    @property
    def policy(self) -> GatePolicy:
        """The gate's policy: the `gate:` block and what the suites ask."""
        suites = [suite.model_dump(exclude_none=True) for suite in self.suites]
        return parse_policy({"gate": self.gate, "suites": suites}, "gate")

    @property
    def default_treatment(self) -> str:
        """The first treatment named."""
        return next(iter(self.treatments))

    def treatment_of(self, spec: CandidateSpec) -> str:
        """The treatment that a candidate is run under."""
        return spec.treatment or self.default_treatment


def schema() -> dict[str, Any]:
    """The JSON Schema of experiment files: the panel's and the gate's blocks and a treatment's spelled out."""
    from venire.evals.treatments import Treatment
    from venire.judges.panel import PanelSpec

    whole = Experiment.model_json_schema()
    treatment = Treatment.model_json_schema()
    del treatment["properties"]["name"]  # a treatment is named by its key
    whole["$defs"] |= treatment.pop("$defs", {}) | {"Treatment": treatment}
    whole["properties"]["treatments"]["additionalProperties"] = {"$ref": "#/$defs/Treatment"}
    for key, model in (("panel", PanelSpec), ("gate", GatePolicy)):
        part = model.model_json_schema()
        whole["$defs"] |= part.pop("$defs", {}) | {model.__name__: part}
        default = whole["properties"][key].get("default")
        whole["properties"][key] = {"$ref": f"#/$defs/{model.__name__}", "default": default}
    return whole


def explain(error: ValidationError, path: Path) -> InputError:
    """The first complaint of pydantic as one sentence: file, key, what is wrong."""
    key, message, unknown = first_fault(error)
    if unknown:
        return InputError(f"{path}: unknown key {key!r}; `venire plan --schema` prints the keys that there are")
    return InputError(f"{path}: {key + ': ' if key else ''}{message}")


def load_experiment(path: Path) -> Experiment:
    """Read and check an experiment file. Raises InputError naming the file and the key."""
    data = read_yaml(path, "experiment")
    if not isinstance(data, dict):
        raise InputError(f"{path}: an experiment is a mapping of keys such as name, bases, suites")
    try:
        return Experiment.model_validate(data)
    except ValidationError as error:
        raise explain(error, path) from error


def find_file(name: str, what: str) -> Path:
    """A file an experiment names: below the working folder, else among those that Venire ships."""
    for folder in (Path(), PACKAGE, PACKAGE.parent):
        if (folder / name).exists():
            return folder / name
    raise InputError(f"{what} {name!r}: no such file here or among those that Venire ships")
