"""What a row of the forgetting suite adds to a scenario: how its answer is compared."""

from typing import Any, Literal

from pydantic import Field, model_validator

from ..scenarios import Scenario
from .checks import check_value

Match = Literal["contains", "exact", "number", "check", "code", "refusal", "help"]


class Item(Scenario):
    """A question whose answer can be marked right or wrong without judging it."""

    match: Match = Field(default="contains", description="how it is compared: the table in README.md")
    rivals: list[str] = Field(default=[], description="wrong answers: one that comes first decides against")
    case: bool = Field(default=False, description="capitals matter")
    operands: list[float] = Field(default=[], description="numbers of the question, which may be repeated")
    checks: dict[str, Any] = Field(default={}, description="of an instruction: name and value of each check")
    function: str | None = Field(default=None, description="of code: the function that is called")
    calls: list[list[Any]] = Field(default=[], description="of code: the arguments of each call")
    results: list[Any] = Field(default=[], description="of code: what each call must return")
    max_tokens: int | None = Field(default=None, ge=1, description="length of this answer; default: the task's")

    @model_validator(mode="after")
    def _can_be_marked(self) -> "Item":
        if self.match in ("contains", "exact", "number") and not self.target:
            raise ValueError(f"match {self.match!r} needs a target")
        if self.match == "number":
            float(self.target[0])
        if self.match == "check" and not self.checks:
            raise ValueError("match 'check' needs checks")
        for name, value in self.checks.items():
            check_value(name, value)
        if self.match == "code" and not (self.function and self.calls and len(self.calls) == len(self.results)):
            raise ValueError("match 'code' needs a function, calls, and as many results")
        return self

    def marking(self) -> dict[str, Any]:
        """What the scorer needs to know, as a sample's metadata."""
        kept = ("match", "rivals", "case", "operands", "checks", "function", "calls", "results", "max_tokens")
        return {key: value for key, value in self.model_dump(include={*kept}).items() if value not in ([], {}, None)}
