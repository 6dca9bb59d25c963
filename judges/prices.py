"""What a judge's tokens cost: from the panel, else from a dated table; never zero because nobody knows.

A price is given to Inspect before a judge is asked, so that every call's cost stands in its log beside its usage.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from venire._common.errors import InputError
from venire._common.reading import first_fault, read_yaml

TABLE = Path(__file__).parent / "prices.yaml"
_SNAPSHOT = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2})$")  # the dated name of a model that has an undated one


class Price(BaseModel):
    """US dollars per million tokens. Without prices of their own, cached tokens cost what others do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(ge=0, description="US dollars per million input tokens")
    output: float = Field(ge=0, description="US dollars per million output tokens, reasoning among them")
    cache_read: float | None = Field(default=None, ge=0)
    cache_write: float | None = Field(default=None, ge=0)
    until: date | None = Field(default=None, description="the last day on which it holds")

    def of(self, input_tokens: float, output_tokens: float) -> float:
        """Dollars for so many tokens."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6

    def scaled(self, share: float) -> "Price":
        """A share of the price, as batch mode's."""
        parts = {k: v for k, v in self.model_dump(exclude={"until"}).items() if v is not None}
        return Price(**{name: value * share for name, value in parts.items()})


class _Vendor(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    read: date
    source: str
    batch: float = Field(default=1.0, gt=0, le=1)
    models: dict[str, Price]


@cache
def load_prices(path: Path = TABLE) -> dict[str, _Vendor]:
    """A price table by provider. Raises InputError naming the file and the key that is wrong."""
    try:
        return TypeAdapter(dict[str, _Vendor]).validate_python(read_yaml(path, "prices"))
    except ValidationError as error:
        key, message, _ = first_fault(error)
        raise InputError(f"{path}, {key}: {message}; copy the form of judges/prices.yaml") from error


def price_of(
    model: str,
    *,
    generation: Mapping[str, Any] | None = None,
    tables: tuple[Path, ...] = (TABLE,),
    today: date | None = None,
) -> Price | None:
    """What `provider/model` costs by the first table that knows it, in batch mode if it is asked so; None: unknown."""
    provider, _, name = model.partition("/")
    for path in tables:
        vendor = load_prices(path).get(provider)
        if vendor is None:
            continue
        price = vendor.models.get(name) or vendor.models.get(_SNAPSHOT.sub("", name))
        if price is None or (price.until is not None and (today or date.today()) > price.until):
            continue
        return price.scaled(vendor.batch) if (generation or {}).get("batch") else price
    return None


def register(model: str, price: Price | None) -> None:
    """Tell Inspect the price, so that it writes each call's cost into the log; None: that there is none it may use."""
    from inspect_ai.model import ModelCost, ModelInfo, get_model_info, set_model_info

    cost = None
    if price is not None:
        cost = ModelCost(
            input=price.input,
            output=price.output,
            input_cache_read=price.input if price.cache_read is None else price.cache_read,
            input_cache_write=price.input if price.cache_write is None else price.cache_write,
        )
    known = get_model_info(model) or ModelInfo()
    set_model_info(model, known.model_copy(update={"cost": cost}))
