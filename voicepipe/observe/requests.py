"""One request to a provider: how it ended and what it consumed, put together from the records of a call.

The wrapper around a provider's call records one ``ProviderAttempt`` and right behind it one ``Usage`` for
each unit. Some prices depend on a whole request (a begun minute, a long context), so they belong together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from voicepipe.core.records import AttemptStatus, NotSent, ProviderAttempt, Usage, UsageUnit
from voicepipe.core.units import MS
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.usage import MACHINE, Amount, Meter, Tally
from voicepipe.speech.pricing import machine_cost, price


@dataclass(slots=True)
class Request:
    """``number`` counts the requests of a call from 1; ``status`` is None if only its usage was recorded."""

    number: int
    at_ns: int
    turn: int | None
    slot: str
    provider: str
    model: str | None = None
    status: AttemptStatus | None = None
    probe: bool = False
    busy_ns: int = 0
    amounts: dict[UsageUnit, Amount] = field(default_factory=dict)

    @property
    def for_nothing(self) -> bool:
        """Whether nobody gets anything of it."""
        return self.status == "failed" or self.probe

    def tally(self, book: PriceBook | None) -> Tally:
        """What it consumed, and with ``book`` what that costs."""
        tally = Tally()
        found = book.find(self.slot, self.provider, self.model) if book is not None else None
        bill = price(
            {unit: amount.total for unit, amount in self.amounts.items()}, found.rates if found else {}
        )
        for unit, amount in self.amounts.items():
            unpriced = amount.total if unit in bill.unpriced and found and not found.by_time else 0
            priced = Amount(amount.total, amount.estimated, bill.costs.get(unit, 0), unpriced)
            tally.count(Meter(self.slot, self.provider, self.model, unit), priced)
        if book is not None and found is not None and found.by_time and self.busy_ns:
            tally.count(Meter(self.slot, self.provider, self.model, MACHINE), self._time(book))
        return tally

    def _time(self, book: PriceBook) -> Amount:
        """The machine's, at least a millisecond, since what took any time isn't without a price."""
        usd_hour, ms = book.cost.machine_usd_hour, -(-self.busy_ns // MS)
        if usd_hour is None:
            return Amount(ms, unpriced=ms)
        return Amount(ms, cost=machine_cost(self.busy_ns, usd_hour))


def unsent(silence: NotSent, book: PriceBook | None) -> Tally:
    """What ``silence`` would have consumed and cost, as a request of its own; nothing where nobody sends a
    bill, as for a server on this computer."""
    request = Request(0, silence.at_ns, None, silence.slot, silence.provider, silence.model)
    request.amounts[silence.unit] = Amount(silence.amount)
    if book is not None and book.find(silence.slot, silence.provider, silence.model).by_time:
        return Tally()
    return request.tally(book)


class Requests:
    """Reads the events of one call. A request is complete when something else comes, or at ``take``."""

    def __init__(self) -> None:
        self._open: Request | None = None
        self._number = 0

    def read(self, event: Any) -> Request | None:
        """The request that is complete now that ``event`` has come."""
        kind = type(event)  # this is asked of every event of a call
        if kind is Usage:
            return self._use(event)
        done = self.take()
        if kind is ProviderAttempt:
            self._open = Request(
                self._next(),
                event.at_ns,
                event.turn,
                event.slot,
                event.provider,
                status=event.status,
                probe=event.probe,
                busy_ns=event.busy_ns,
            )
        return done

    def take(self) -> Request | None:
        """The last request; none if it was taken before."""
        done, self._open = self._open, None
        return done

    def _use(self, event: Usage) -> Request | None:
        done = None
        one = self._open
        if one is None or not _belongs(event, one):
            done = self.take()
            one = self._open = Request(self._next(), event.at_ns, event.turn, event.slot, event.provider)
        one.model = event.model
        amount = one.amounts.setdefault(event.unit, Amount())
        amount.total += event.amount
        amount.estimated += event.amount if event.estimated else 0
        return done

    def _next(self) -> int:
        self._number += 1
        return self._number


def _belongs(usage: Usage, one: Request) -> bool:
    same = (usage.at_ns, usage.turn, usage.slot, usage.provider)
    model = not one.amounts or one.model == usage.model
    return model and same == (one.at_ns, one.turn, one.slot, one.provider)
