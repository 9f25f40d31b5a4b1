"""What ``cost:`` may say: what providers charge, and what the machine costs that local engines run on."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from voicepipe.config.budget import BudgetConfig
from voicepipe.config.tool_models import Model
from voicepipe.core.records import UsageUnit
from voicepipe.core.units import ConfigPath, Usd
from voicepipe.speech.pricing import Rate, Rates

MINUTE_MS = 60_000
MILLION = 1_000_000
BILLED_AS: dict[str, tuple[UsageUnit, int, int]] = {
    # price → the unit, how many of it, and the step in which it is billed
    "audio_minute": ("audio_in_ms", MINUTE_MS, 1),
    "audio_hour": ("audio_in_ms", 60 * MINUTE_MS, 1),
    "audio_out_minute": ("audio_out_ms", MINUTE_MS, 1),
    "call_minute": ("call_ms", MINUTE_MS, MINUTE_MS),
    "million_characters": ("characters", MILLION, 1),
    "million_tokens_in": ("tokens_in", MILLION, 1),
    "million_tokens_in_cached": ("tokens_in_cached", MILLION, 1),
    "million_tokens_in_written": ("tokens_in_written", MILLION, 1),
    "million_tokens_out": ("tokens_out", MILLION, 1),
    "million_audio_tokens_in": ("audio_tokens_in", MILLION, 1),
    "million_audio_tokens_in_cached": ("audio_tokens_in_cached", MILLION, 1),
    "million_audio_tokens_out": ("audio_tokens_out", MILLION, 1),
    "request": ("requests", 1, 1),
}


class Prices(Model):
    """What one provider, or one of its models, charges: USD for what a key names."""

    audio_minute: Usd | None = Field(None, description="a minute of audio that is sent, to the millisecond")
    audio_hour: Usd | None = Field(None, description="an hour of audio that is sent, likewise")
    audio_out_minute: Usd | None = Field(None, description="a minute of audio that is received")
    call_minute: Usd | None = Field(None, description="a begun minute of a telephone call")
    million_characters: Usd | None = Field(None, description="a million characters that are spoken")
    million_tokens_in: Usd | None = Field(None, description="a million tokens of text that are sent")
    million_tokens_in_cached: Usd | None = Field(
        None, description="of those, a million that the vendor had cached; as the others if it isn't given"
    )
    million_tokens_in_written: Usd | None = Field(
        None, description="of those, a million that the vendor put into its cache; likewise"
    )
    million_tokens_out: Usd | None = Field(None, description="a million tokens of text that are received")
    million_audio_tokens_in: Usd | None = Field(None, description="a million tokens of audio that are sent")
    million_audio_tokens_in_cached: Usd | None = Field(
        None, description="of those, a million that the vendor had cached; likewise"
    )
    million_audio_tokens_out: Usd | None = Field(
        None, description="a million tokens of audio that are received"
    )
    request: Usd | None = Field(None, description="a request, where the provider counts them")

    @model_validator(mode="after")
    def _fits(self) -> Prices:
        if not any(True for _ in self.written()):
            raise ValueError("no price is given here")
        if self.audio_minute is not None and self.audio_hour is not None:
            raise ValueError("expected 'audio_minute' or 'audio_hour', found both")
        return self

    def written(self) -> Iterator[tuple[str, Decimal]]:
        """The prices that are given, by their keys."""
        for key in BILLED_AS:
            value = getattr(self, key)
            if value is not None:
                yield key, value

    def rates(self, above: int | None = None, dearer: Prices | None = None) -> Rates:
        """By the units that are billed; ``dearer``: for requests that send more than ``above`` tokens."""
        higher = dict(dearer.written()) if dearer is not None else {}
        rates: dict[UsageUnit, Rate] = {}
        for key, value in self.written():
            unit, per, step = BILLED_AS[key]
            tiers = ((above, higher[key]),) if above is not None and key in higher else ()
            rates[unit] = Rate(value, per, step, tiers)
        return rates


Billed = Annotated[str, StringConstraints(pattern=r"^[^\s/]+(/\S+)?$", max_length=200)]


class CostConfig(Model):
    """What things cost; over what the price list of voicepipe says."""

    prices: dict[Billed, Prices] = Field(
        default_factory=dict, description="by provider, or `provider/model`; over the built-in prices"
    )
    machine_usd_hour: Usd | None = Field(
        None, description="what an hour of the machine costs that local engines run on"
    )
    carrier: Billed | None = Field(
        None,
        description="whose line telephone calls are on, as in `prices`: `twilio/us-inbound`; without it, "
        "their minutes aren't counted",
    )
    ledger: ConfigPath | None = Field(
        None, description="a database to which each call on the real clock is added, for `voicepipe costs`"
    )
    budget: BudgetConfig | None = Field(None, description="what calls may cost, and what happens then")

    @model_validator(mode="after")
    def _counted_somewhere(self) -> CostConfig:
        budget = self.budget
        if budget is not None and budget.shared and budget.store_beside(self.ledger) is None:
            keys = " and ".join(f"budget.{key}" for key in budget.shared)
            raise ValueError(f"{keys} needs a place where calls are counted: set 'ledger' or 'budget.store'")
        if budget is not None and budget.store is not None and budget.store == self.ledger:
            raise ValueError("expected two databases, found one for both 'ledger' and 'budget.store'")
        return self

    def rates(self, provider: str, model: str | None) -> Rates | None:
        """What is written for the model, or else for its provider."""
        found = self.prices.get(f"{provider}/{model}") or self.prices.get(provider)
        return found.rates() if found is not None else None
