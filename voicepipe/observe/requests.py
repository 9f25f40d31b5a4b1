"""One request to a provider: how it ended and what it consumed, put together from the records of a call.

The wrapper around a provider's call records one ``ProviderAttempt`` and right behind it one ``Usage`` for
each unit. Some prices depend on a whole request (a begun minute, a long context), so they belong together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from voicepipe.core.records import AttemptStatus, NotSent, ProviderAttempt, Usage, UsageUnit
from voicepipe.core.units import MS
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.usage import MACHINE, Amount, Meter, Tally
from voicepipe.speech.pricing import Rates, machine_cost, price

_meter = lru_cache(maxsize=1024)(Meter)
"""The meters of a pipeline are few, and each of its requests is counted by some of them."""


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
        """What it consumed, and with ``book`` what that costs. To be asked once: it has the request's
        own amounts."""
        slot, provider, model = self.slot, self.provider, self.model
        found = book.find(slot, provider, model) if book is not None else None
        if found is not None and not found.by_time:
            self._price(found.rates)
        tally = Tally()
        amounts = tally.amounts
        for unit, amount in self.amounts.items():
            amounts[_meter(slot, provider, model, unit)] = amount
        if book is not None and found is not None and found.by_time and self.busy_ns:
            amounts[_meter(slot, provider, model, MACHINE)] = self._time(book)
        return tally

    def _price(self, rates: Rates) -> None:
        bill = price({unit: amount.total for unit, amount in self.amounts.items()}, rates)
        for unit, amount in self.amounts.items():
            amount.cost = bill.costs.get(unit, 0)
            amount.unpriced = amount.total if unit in bill.unpriced else 0

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
        self.open: Request | None = None
        """What isn't complete yet."""
        self._number = 0

    def read(self, event: Any) -> Request | None:
        """The request that is complete now that ``event`` has come."""
        if type(event) is Usage:
            return self.use(event)
        done = self.take()
        if type(event) is ProviderAttempt:
            self.begin(event)
        return done

    def begin(self, event: ProviderAttempt) -> None:
        """Nothing else is open."""
        self._number += 1
        self.open = Request(
            self._number,
            event.at_ns,
            event.turn,
            event.slot,
            event.provider,
            None,
            event.status,
            event.probe,
            event.busy_ns,
        )

    def take(self) -> Request | None:
        """The last request; none if it was taken before."""
        done, self.open = self.open, None
        return done

    def use(self, event: Usage) -> Request | None:
        """The request that is complete, if it is another one's."""
        one, done = self.open, None
        if one is None or not _belongs(event, one):
            done = one
            self._number += 1
            one = self.open = Request(self._number, event.at_ns, event.turn, event.slot, event.provider)
        one.model = event.model
        used = Amount(event.amount, event.amount if event.estimated else 0)
        so_far = one.amounts.get(event.unit)
        if so_far is None:
            one.amounts[event.unit] = used
        else:
            so_far.add(used)
        return done


def _belongs(usage: Usage, one: Request) -> bool:
    return (
        usage.at_ns == one.at_ns
        and usage.turn == one.turn
        and usage.slot == one.slot
        and usage.provider == one.provider
        and (not one.amounts or one.model == usage.model)
    )
