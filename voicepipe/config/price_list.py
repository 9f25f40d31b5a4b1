"""The built-in price list: ``prices.yaml`` beside this file, each price with its page and its day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, TypeAdapter, model_validator

from voicepipe.config.cost import Prices
from voicepipe.config.tool_models import Model
from voicepipe.core import yaml12
from voicepipe.core.nodes import Node, Source
from voicepipe.errors import ConfigErrors
from voicepipe.speech.pricing import Rates

PRICE_LIST = Path(__file__).with_name("prices.yaml")

STALE_DAYS = 90
"""Vendors change their prices a few times a year."""


class PriceEntry(Model):
    """One entry of the list: what some models of a provider cost."""

    provider: str
    models: tuple[str, ...] = Field(min_length=1)
    source: Annotated[str, StringConstraints(pattern=r"^https://\S+$")]
    """The page that says so."""
    seen: date
    """The day on which it did."""
    prices: Prices
    when: dict[str, str] = Field(default_factory=dict)
    """Keys of the provider, and the values that they must have for it; ``none`` for what is empty."""
    above: int | None = Field(None, gt=0)
    then: Prices | None = None

    @model_validator(mode="after")
    def _fits(self) -> PriceEntry:
        if (self.above is None) != (self.then is None):
            raise ValueError("'above' and 'then' belong together")
        return self

    @property
    def rates(self) -> Rates:
        return self.prices.rates(self.above, self.then)

    def fits(self, provider: str, model: str | None, keys: Mapping[str, Any]) -> bool:
        """Whether it is about ``model`` of a provider that is configured with ``keys``."""
        named = provider == self.provider and model in self.models
        return named and all(_written(keys.get(key)) == value for key, value in self.when.items())

    def stale(self, today: date) -> str | None:
        """A sentence for a person if the price is old."""
        days = (today - self.seen).days
        if days <= STALE_DAYS:
            return None
        what = f"{self.provider}/{self.models[0]}"
        return f"the price of {what} was looked up {days} days ago ({self.seen}): compare {self.source}"


@cache
def price_list() -> tuple[PriceEntry, ...]:
    """All entries, in the order of the file."""
    return read_price_list(PRICE_LIST)


def read_price_list(path: Path) -> tuple[PriceEntry, ...]:
    """The entries of another file of the same form. Raises ``ConfigErrors`` for what isn't YAML, and
    pydantic's ``ValidationError`` for what isn't a price list."""
    errors: list[Any] = []
    node = yaml12.read(path, Source(path.name, path.parent, path.parent), errors)
    if errors or node is None:
        raise ConfigErrors(errors)
    return _ENTRIES.validate_python(_plain(node))


def _written(value: Any) -> str:
    """As it stands in the list: ``true``, ``none`` for what is empty."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value else "none"


_ENTRIES = TypeAdapter(tuple[PriceEntry, ...])


def _plain(node: Node) -> Any:
    """Scalars as they were written, so that a price keeps its digits."""
    if isinstance(node.value, dict):
        return {key: _plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(child) for child in node.value]
    return node.text
