"""Prices of language models from the package ``genai-prices`` (MIT, offline, by the day of the call).

Only its *prices* are used, never its sums: for a unit that it doesn't know it computes 0 without a word. So
a unit that has no price there has none here, and a price of 0 counts as unknown, too.

Importing it takes about a second and 100 MB, since the prices of all vendors are Python objects. It is done
only for models that neither the pipeline file nor our own list has a price for.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from importlib import metadata
from types import ModuleType
from typing import Any

from voicepipe.core.extras import installed, require
from voicepipe.core.records import UsageUnit
from voicepipe.speech.pricing import Rate, Rates

MODULE = "genai_prices"
EXTRA = "prices"

_KEYS: dict[UsageUnit, tuple[str, int]] = {
    # our unit → its name of the price, and for how many of ours that is
    "tokens_in": ("input_mtok", 1_000_000),
    "tokens_in_cached": ("cache_read_mtok", 1_000_000),
    "tokens_in_written": ("cache_write_mtok", 1_000_000),
    "tokens_out": ("output_mtok", 1_000_000),
    "audio_tokens_in": ("input_audio_mtok", 1_000_000),
    "audio_tokens_in_cached": ("cache_audio_read_mtok", 1_000_000),
    "audio_tokens_out": ("output_audio_mtok", 1_000_000),
    "audio_in_ms": ("input_audio_hours", 3_600_000),
    "audio_out_ms": ("output_audio_hours", 3_600_000),
    "characters": ("input_mchars", 1_000_000),
}


class GenaiPrices:
    """``load`` once, where a second doesn't hurt; then ``rates``."""

    def __init__(self) -> None:
        self._module: ModuleType | None = None

    @property
    def loaded(self) -> bool:
        return self._module is not None

    @property
    def source(self) -> str:
        """What is told about where a price comes from."""
        return f"genai-prices {metadata.version('genai-prices')}"

    def load(self) -> bool:
        """Import the package, if it is there; blocks for about a second. Whether it is there."""
        if self._module is None and installed(MODULE):
            module = require(MODULE, extra=EXTRA, purpose="pricing")
            module.calc_price(module.Usage(), "gpt-4o", provider_id="openai")  # reads all prices
            self._module = module
        return self.loaded

    def rates(self, provider: str, model: str, at: datetime) -> Rates:
        """What is known of ``model`` on the day ``at``; empty before ``load``, and if nothing is known."""
        if self._module is None:
            return {}
        try:
            # its prices as objects; the sum over no usage isn't looked at
            found = self._module.calc_price(
                self._module.Usage(), model, provider_id=provider, genai_request_timestamp=at
            ).model_price
        except LookupError:
            return {}
        rates = {unit: _rate(getattr(found, key, None), per) for unit, (key, per) in _KEYS.items()}
        return {unit: rate for unit, rate in rates.items() if rate is not None}


def _rate(price: Any, per: int) -> Rate | None:
    """A flat price, or one that depends on how much a request sends; None for nothing, 0 or another form."""
    base, tiers = getattr(price, "base", price), getattr(price, "tiers", ())
    if not isinstance(base, Decimal) or base <= 0:
        return None
    above = tuple(sorted((tier.start, tier.price) for tier in tiers))
    return Rate(base, per, above=above)
