"""What a request may cost at most, in picodollars, and what a budget can't be kept for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from voicepipe.config.load import LoadedPipeline
from voicepipe.config.slots import Filling, Slot
from voicepipe.core.records import UsageUnit
from voicepipe.core.units import SECOND
from voicepipe.errors import ConfigError
from voicepipe.observe.price_book import PriceBook
from voicepipe.speech.budget import Asks, most
from voicepipe.speech.pricing import Rates, machine_cost, price

MOST_TOKENS = 4096
"""Of one answer, where the provider's configuration has no limit to set: the most of OpenAI's fused
models."""

CLEANING_UP = SECOND
"""How much longer than its deadlines say a provider may keep the machine busy."""

_LIMITS = ("max_tokens", "max_output_tokens")

_BILLED: Mapping[str, tuple[tuple[UsageUnit, ...], ...]] = {
    # kind → alternatives: at least one of them is wholly priced
    "stt": (("audio_in_ms",), ("audio_tokens_in",), ("requests",)),
    "llm": (("tokens_in", "tokens_out"), ("requests",)),
    "tts": (("characters",), ("audio_out_ms",), ("audio_tokens_out",), ("requests",)),
    "realtime": (
        ("tokens_in", "audio_tokens_in", "tokens_out", "audio_tokens_out"),
        ("audio_in_ms", "audio_out_ms"),
        ("requests",),
    ),
}


class WorstCase:
    """By the prices of ``book``; all that is needed of it was loaded."""

    def __init__(self, book: PriceBook) -> None:
        self._book = book

    def cost(
        self, slot: str, provider: str, config: Any, asks: Asks, *, total_ns: int, recalled: int = 0
    ) -> int | None:
        """Picodollars of a request that may take ``total_ns`` of the provider's time; None without a price.

        ``recalled``: audio tokens of the call so far, which a fused model is billed for again.
        """
        found = self._book.find(slot, provider, _model(config, asks))
        if found.by_time:
            usd_hour = self._book.cost.machine_usd_hour
            return None if usd_hour is None else machine_cost(total_ns + CLEANING_UP, usd_hour)
        amounts = most(asks, tokens_out=most_tokens(config), recalled=recalled if asks.recalls else 0)
        if not any(unit in found.rates for unit in amounts):
            return None
        return max(_cost(amounts, found.rates), _cost(_written(amounts), found.rates))

    def problems(self, loaded: LoadedPipeline) -> Iterator[ConfigError]:
        """What requests of the pipeline have no price, or no bound."""
        for slot in loaded.slots:
            if slot.kind in _BILLED:
                for filling in slot.fillings:
                    yield from self._problems(slot, filling)

    def _problems(self, slot: Slot, filling: Filling) -> Iterator[ConfigError]:
        provider, config = filling.provider, filling.config
        if provider is None or config is None:
            return
        what = f"stages.{filling.key} ({filling.label})"
        for model in _models(slot.kind, config):
            found = self._book.find(slot.key, provider.name, model)
            if found.by_time:
                if self._book.cost.machine_usd_hour is None:
                    yield filling.place.error(
                        f"a budget can't be kept: {what} works on this machine, whose price isn't known",
                        hint="set cost.machine_usd_hour; 0 if its time is to cost nothing",
                    )
            elif not _priced(found.rates, slot.kind if model == _own(config) else "stt"):
                named = what if model == _own(config) else f"{what} with {model}"
                yield filling.place.error(
                    f"a budget can't be kept: {named} has no price, or not for all it is billed for",
                    hint=found.hint,
                )
            elif slot.kind == "llm" and getattr(config, "max_tokens", 1) is None:
                yield filling.place.error(
                    f"a budget can't be kept: an answer of {what} may be of any length",
                    hint=f"set {filling.key}'s max_tokens, for example to 400",
                )


def most_tokens(config: Any) -> int:
    """Of one answer, as the provider is configured."""
    found = (getattr(config, name, None) for name in _LIMITS)
    return next((limit for limit in found if isinstance(limit, int)), MOST_TOKENS)


def _own(config: Any) -> str | None:
    return getattr(config, "model", None)


def _writer(config: Any) -> str | None:
    """The model by which a fused one has the caller written down."""
    return getattr(getattr(config, "writer", None), "model", None)


def _model(config: Any, asks: Asks) -> str | None:
    """Of a fused model's two, the one that is asked."""
    return (_writer(config) if asks.hear_ms and not asks.talks else None) or _own(config)


def _models(kind: str, config: Any) -> list[str | None]:
    writer = _writer(config) if kind == "realtime" else None
    return [_own(config)] if writer is None else [_own(config), writer]


def _priced(rates: Rates, kind: str) -> bool:
    return any(all(unit in rates for unit in units) for units in _BILLED[kind])


def _cost(amounts: Mapping[UsageUnit, int], rates: Rates) -> int:
    return sum(price(amounts, rates).costs.values())


def _written(amounts: Mapping[UsageUnit, int]) -> dict[UsageUnit, int]:
    """As if the vendor put all of the input into its cache, which may cost more than to read it."""
    tokens = amounts.get("tokens_in", 0)
    return {**amounts, "tokens_in_written": tokens} if tokens else dict(amounts)
