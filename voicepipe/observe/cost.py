"""What a call cost: by stage and provider, what of it was for nothing, and what has no price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from voicepipe.observe.price_book import PriceBook, Priced
from voicepipe.observe.usage import MACHINE, Amount, Meter, Tally
from voicepipe.speech.pricing import usd


@dataclass(frozen=True, slots=True)
class Cost:
    """The money of ``used``, of which ``wasted`` was for nothing; ``book`` is where its prices come from.

    ``saved`` is what wasn't used, since ``silence_ms`` of the caller's silence weren't sent.
    """

    used: Tally
    wasted: Tally
    book: PriceBook
    saved: Tally = field(default_factory=Tally)
    silence_ms: int = 0

    @property
    def priced(self) -> Decimal:
        """USD for all that has a price."""
        return usd(_sum(self.used))

    @property
    def for_nothing(self) -> Decimal:
        """USD of that for what nobody heard."""
        return usd(_sum(self.wasted))

    @property
    def not_spent(self) -> Decimal:
        """USD that the caller's silence would have cost, as far as it has a price."""
        return usd(_sum(self.saved))

    @property
    def total(self) -> Decimal | None:
        """USD for everything; None if anything has no price: a part isn't the whole."""
        return None if self.unpriced else self.priced

    @property
    def unpriced(self) -> dict[Meter, Amount]:
        """What has no price."""
        return {meter: amount for meter, amount in self.used.amounts.items() if amount.unpriced}

    def by(self, key: Callable[[Meter], str]) -> dict[str, Decimal]:
        """USD by what ``key`` makes of a meter, in the order in which they were first met."""
        sums: dict[str, int] = {}
        for meter, amount in self._priced():
            sums[key(meter)] = sums.get(key(meter), 0) + amount.cost
        return {name: usd(cost) for name, cost in sums.items()}

    def missing(self) -> list[str]:
        """A sentence for each meter without a price, for a person."""
        return [f"{meter.slot} {named(meter)} ({meter.unit}): {self._hint(meter)}" for meter in self.unpriced]

    def to_dict(self) -> dict[str, Any]:
        """For JSON. Amounts of money are computed exactly and become numbers only here."""
        return {
            "priced_usd": float(self.priced),
            "wasted_usd": float(self.for_nothing),
            "saved_usd": float(self.not_spent),
            "stages": {name: float(value) for name, value in self.by(lambda meter: meter.slot).items()},
            "providers": {name: float(value) for name, value in self.by(named).items()},
            "items": [self._item(meter, amount) for meter, amount in self._priced()],
            "unpriced": [
                {**meter._asdict(), "amount": amount.unpriced, "hint": self._hint(meter)}
                for meter, amount in self.unpriced.items()
            ],
            "warnings": self.book.warnings(),
        }

    def _priced(self) -> list[tuple[Meter, Amount]]:
        return [
            (meter, amount)
            for meter, amount in self.used.amounts.items()
            if amount.total > amount.unpriced and not self._by_time(meter)
        ]

    def _item(self, meter: Meter, amount: Amount) -> dict[str, Any]:
        lost = self.wasted.amounts.get(meter, Amount())
        return {
            **meter._asdict(),
            "amount": amount.total - amount.unpriced,
            "usd": float(usd(amount.cost)),
            "wasted_usd": float(usd(lost.cost)),
            "source": self._found(meter).source,
        }

    def _by_time(self, meter: Meter) -> bool:
        """Whether it is a unit that costs nothing by itself, since the machine's time is what is paid."""
        return meter.unit != MACHINE and self._found(meter).by_time

    def _hint(self, meter: Meter) -> str:
        return self._found(meter).hint

    def _found(self, meter: Meter) -> Priced:
        return self.book.find(meter.slot, meter.provider, meter.model)


def named(meter: Meter) -> str:
    """``openai/gpt-6-luna``, or the provider alone."""
    return f"{meter.provider}/{meter.model}" if meter.model else meter.provider


def _sum(tally: Tally) -> int:
    return sum(amount.cost for amount in tally.amounts.values())
