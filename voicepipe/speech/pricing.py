"""What one request costs: amounts in the units that a vendor bills → money. Pure, and exact.

Money is counted in whole picodollars (10⁻¹² USD). What a unit of a request costs is computed as an exact
fraction and rounded once, half to even; after that there are only integers, so that a sum doesn't depend on
its order and no part is lost. A token at 0.01 USD a million is 10,000 of them.

A unit without a price is told as unpriced: it never costs 0 unless somebody has written a price of 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from voicepipe.core.records import UsageUnit

PICO = 10**12
"""Picodollars in a dollar."""

HOUR_NS = 3600 * 10**9

_INPUT: tuple[UsageUnit, ...] = ("tokens_in", "audio_tokens_in")
_WHOLE: Mapping[UsageUnit, UsageUnit] = {
    "tokens_in_cached": "tokens_in",
    "tokens_in_written": "tokens_in",
    "audio_tokens_in_cached": "audio_tokens_in",
}
"""Part → whole: what comes from the vendor's cache or goes into it is billed by itself, and only the rest
of the whole as other input."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``usd`` for ``per`` of a unit: 30 USD for 1,000,000 characters.

    ``step``: an amount is billed as the next multiple of it; a carrier's begun minute is ``step=60_000`` of
    milliseconds. ``above``: other prices for all of a request that sends more than so many tokens, text and
    audio together, ascending.
    """

    usd: Decimal
    per: int
    step: int = 1
    above: tuple[tuple[int, Decimal], ...] = ()

    def cost(self, amount: int, tokens_in: int = 0) -> int:
        """Picodollars for ``amount`` of a request that sent ``tokens_in``."""
        usd = self.usd
        for limit, dearer in self.above:
            if tokens_in > limit:
                usd = dearer
        billed = -(-amount // self.step) * self.step
        return round(Fraction(usd) * billed * PICO / self.per)


Rates = Mapping[UsageUnit, Rate]


@dataclass(slots=True)
class Bill:
    """What one request costs: picodollars by unit, and the units that have no price."""

    costs: dict[UsageUnit, int] = field(default_factory=dict)
    unpriced: list[UsageUnit] = field(default_factory=list)


def price(amounts: Mapping[UsageUnit, int], rates: Rates) -> Bill:
    """The bill for what one request consumed.

    For a part without a price of its own that of its whole is taken: who gives no discount bills cached
    tokens as any others. Nothing of a unit costs nothing, whether it has a price or not.
    """
    bill = Bill()
    tokens_in = sum(amounts.get(unit, 0) for unit in _INPUT)
    for unit, amount in amounts.items():
        rate = rates.get(unit) or rates.get(_WHOLE.get(unit, unit))
        parts = sum(amounts.get(part, 0) for part, whole in _WHOLE.items() if whole == unit)
        amount = max(0, amount - parts)
        if amount == 0:
            continue
        if rate is None:
            bill.unpriced.append(unit)
        else:
            bill.costs[unit] = rate.cost(amount, tokens_in)
    return bill


def machine_cost(busy_ns: int, usd_hour: Decimal) -> int:
    """Picodollars for a machine of ``usd_hour`` that worked for ``busy_ns``."""
    return round(Fraction(usd_hour) * busy_ns * PICO / HOUR_NS)


def share(cost: int, part: int, whole: int) -> int:
    """The picodollars of ``cost`` that ``part`` of ``whole`` stands for."""
    return round(Fraction(cost * part, whole)) if whole else 0


def usd(picodollars: int) -> Decimal:
    """Dollars, exactly, without zeros at the end."""
    whole = Decimal(picodollars).scaleb(-12)
    return whole.quantize(Decimal(1)) if whole == whole.to_integral_value() else whole.normalize()
