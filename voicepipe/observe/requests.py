"""One request to a provider: what it consumed and what that costs.

The wrapper around a provider's call records a ``ProviderAttempt`` for each. Some prices depend on a whole
request (a begun minute, a long context), so it is priced as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from voicepipe.core.records import NotSent, ProviderAttempt, Usage, UsageUnit
from voicepipe.core.units import MS
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.usage import MACHINE, Amount, Meter, Tally
from voicepipe.speech.pricing import Rates, machine_cost, price

_meter = lru_cache(maxsize=1024)(Meter)
"""The meters of a pipeline are few, and each of its requests is counted by some of them."""


def for_nothing(request: ProviderAttempt) -> bool:
    """Whether nobody gets anything of it."""
    return request.status == "failed" or request.probe


def tally(request: ProviderAttempt, book: PriceBook | None) -> Tally:
    """What it consumed, and with ``book`` what that costs."""
    slot, provider, model = request.slot, request.provider, request.model
    used = _consumed(slot, provider, model, request.usage)
    if book is None:
        return used
    found = book.find(slot, provider, model)
    if not found.by_time:
        _price(used, found.rates)
    elif request.busy_ns:
        used.amounts[_meter(slot, provider, model, MACHINE)] = _time(request.busy_ns, book)
    return used


def unsent(silence: NotSent, book: PriceBook | None) -> Tally:
    """What ``silence`` would have consumed and cost, as a request of its own; nothing where nobody sends a
    bill, as for a server on this computer."""
    slot, provider, model = silence.slot, silence.provider, silence.model
    used = _consumed(slot, provider, model, (Usage(unit=silence.unit, amount=silence.amount),))
    if book is None:
        return used
    found = book.find(slot, provider, model)
    if found.by_time:
        return Tally()
    _price(used, found.rates)
    return used


def _consumed(slot: str, provider: str, model: str | None, usage: Sequence[Usage]) -> Tally:
    used = Tally()
    amounts = used.amounts
    for one in usage:
        meter = _meter(slot, provider, model, one.unit)
        amount = Amount(one.amount, one.amount if one.estimated else 0)
        if meter in amounts:  # the vendor told a part of it
            amounts[meter].add(amount)
        else:
            amounts[meter] = amount
    return used


def _price(used: Tally, rates: Rates) -> None:
    """What has units that vendors bill; no machine's time."""
    units = {cast(UsageUnit, meter.unit): amount for meter, amount in used.amounts.items()}
    bill = price({unit: amount.total for unit, amount in units.items()}, rates)
    for unit, amount in units.items():
        amount.cost = bill.costs.get(unit, 0)
        amount.unpriced = amount.total if unit in bill.unpriced else 0


def _time(busy_ns: int, book: PriceBook) -> Amount:
    """The machine's, at least a millisecond, since what took any time isn't without a price."""
    usd_hour, ms = book.cost.machine_usd_hour, -(-busy_ns // MS)
    if usd_hour is None:
        return Amount(ms, unpriced=ms)
    return Amount(ms, cost=machine_cost(busy_ns, usd_hour))
