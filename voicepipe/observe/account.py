"""One call for the ledger: its requests as rows, each with what it cost and what of that was for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from voicepipe.core.calls import Workers
from voicepipe.core.records import ProviderAttempt
from voicepipe.core.units import MS
from voicepipe.observe.ledger import CallRow, Ledger, RequestRow, in_utc
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.report import CallReport
from voicepipe.observe.requests import for_nothing, tally
from voicepipe.observe.turn_report import TurnReport
from voicepipe.observe.usage import Meter, Tally
from voicepipe.speech.pricing import share


@dataclass(slots=True)
class _Entry:
    """``number`` counts the requests of the call from 1."""

    number: int
    request: ProviderAttempt
    used: Tally
    wasted: int = 0


class Account:
    """A companion of a call, which it adds to ``ledger`` at the end, unless the call took no time.

    A name of a session may be used again, so the call gets an id of its own. ``report`` is that of the same
    call, where it doesn't keep all turns.
    """

    def __init__(
        self,
        prices: PriceBook,
        ledger: Ledger,
        *,
        session: str,
        pipeline: str,
        report: CallReport | None = None,
        at: datetime | None = None,
    ) -> None:
        self._prices = prices
        self._ledger = ledger
        self._session = session
        self._pipeline = pipeline
        self._at = at or datetime.now(UTC)
        self._call = uuid4().hex
        self._count = 0
        self._entries: list[_Entry] = []
        self._rows: list[RequestRow] = []
        """Of the requests whose waste is known for good."""
        self._until_ns = 0
        if report is not None:
            report.on_turn_left.append(self._close)

    def __call__(self, at_ns: int, event: Any) -> None:
        self._until_ns = at_ns
        if type(event) is ProviderAttempt:
            self._count += 1
            self._entries.append(_Entry(self._count, event, tally(event, self._prices)))

    async def end(self, report: CallReport, workers: Workers) -> None:
        if self._until_ns > 0:
            await workers.call(partial(self._ledger.add, *self.rows(report)))

    def rows(self, report: CallReport) -> tuple[CallRow, list[RequestRow]]:
        """The call and its requests; ``report`` is that of the same call."""
        self._share_waste(self._entries, {turn.turn: turn for turn in report.turns})
        call = CallRow(
            self._call, self._session, self._pipeline, in_utc(self._at), round(self._until_ns / MS)
        )
        entries = [self._row(entry) for entry in self._entries]
        return call, sorted(self._rows + entries, key=lambda row: int(row.id.rpartition("-")[2]))

    def _close(self, turn: TurnReport) -> None:
        """It isn't told of any more: it, the drafts before it and what was for no turn are rows now."""
        over = [entry for entry in self._entries if (entry.request.turn or 0) <= turn.turn]
        self._entries = [entry for entry in self._entries if (entry.request.turn or 0) > turn.turn]
        self._share_waste(over, {turn.turn: turn})
        self._rows += map(self._row, over)

    def _share_waste(self, entries: Sequence[_Entry], turns: Mapping[int, TurnReport]) -> None:
        """All of a request that failed or was for a draft, and its part of what was made and not heard."""
        by_meter: dict[tuple[int, Meter], list[_Entry]] = {}
        for entry in entries:
            turn = entry.request.turn
            if for_nothing(entry.request) or (turn is not None and turn not in turns):
                entry.wasted = _cost(entry.used)
            elif turn is not None:
                for meter in entry.used.amounts:
                    by_meter.setdefault((turn, meter), []).append(entry)
        for (turn, meter), of_turn in by_meter.items():
            lost, failed = turns[turn].wasted.amounts.get(meter), turns[turn].failed.amounts.get(meter)
            if lost is not None:
                cost = lost.without(failed).cost
                for entry, part in _parts(cost, of_turn, meter):
                    entry.wasted += part

    def _row(self, entry: _Entry) -> RequestRow:
        one = entry.request
        return RequestRow(
            id=f"{self._call}-{entry.number}",
            call=self._call,
            session=self._session,
            at=in_utc(self._at + timedelta(microseconds=one.at_ns // 1000)),
            turn=one.turn,
            slot=one.slot,
            provider=one.provider,
            model=one.model,
            status=one.status,
            cost=_cost(entry.used),
            wasted=entry.wasted,
            unpriced=any(amount.unpriced for amount in entry.used.amounts.values()),
            usage={meter.unit: amount.total for meter, amount in entry.used.amounts.items()},
        )


def _cost(tally: Tally) -> int:
    return sum(amount.cost for amount in tally.amounts.values())


def _parts(cost: int, entries: list[_Entry], meter: Meter) -> Iterator[tuple[_Entry, int]]:
    """``cost`` in parts as large as what the entries cost; they are ``cost`` again, to the last digit."""
    costs = [entry.used.amounts[meter].cost for entry in entries]
    whole, before = sum(costs), 0
    for index, entry in enumerate(entries, 1):
        until = share(cost, sum(costs[:index]), whole)
        yield entry, until - before
        before = until
