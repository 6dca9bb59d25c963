"""What a row of the forgetting suite adds to a scenario: how its answer is compared."""

from typing import Literal

from pydantic import Field, model_validator

from ..scenarios import Scenario


class Item(Scenario):
    """A question with one right short answer (or a few spellings of it)."""

    target: list[str] = Field(min_length=1, description="answers that count as right")
    match: Literal["contains", "exact", "number"] = Field(default="contains", description="how it is compared")
    rivals: list[str] = Field(default=[], description="wrong answers: one that comes first decides against")
    case: bool = Field(default=False, description="capitals matter")
    operands: list[float] = Field(default=[], description="numbers of the question, which may be repeated")

    @model_validator(mode="after")
    def _number_is_one(self) -> "Item":
        if self.match == "number":
            float(self.target[0])
        return self
