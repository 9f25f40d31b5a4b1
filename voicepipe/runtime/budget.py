"""The money of one call: what a request may cost at most is held back before it is made, and then settled.

A budget of the call alone is counted here. Of those that calls share, the call holds an allowance in the
``BudgetBook``, from which its requests take what they need without waiting for the disk; a keeper fills it up
ahead of the need, books what was spent, and says that the call is still alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock
from voicepipe.core.records import BudgetAlert, Failed, ProviderAttempt, Record
from voicepipe.core.units import SECOND
from voicepipe.errors import BudgetError, VoicepipeError
from voicepipe.observe.budget_book import Account, BudgetBook, Visit
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.report import CallReport
from voicepipe.observe.requests import tally
from voicepipe.observe.worst_case import WorstCase
from voicepipe.providers.base import Provider
from voicepipe.speech.budget import HEARD_TOKENS_S, SLICE_MS, Asks
from voicepipe.speech.pricing import usd

LEASE = timedelta(seconds=60)
"""For how long a hold counts after its process was last heard of."""

RENEW = 20 * SECOND
"""How often it is."""

AHEAD = 2
"""An allowance is filled up to so many times the dearest request so far."""

BASIS = 10_000


@dataclass(frozen=True, slots=True)
class Shared:
    """Budgets that calls have in common: those that hold at a time, each in its period."""

    book: BudgetBook
    accounts: Callable[[datetime], tuple[Account, ...]]
    now: Callable[[], datetime]


class Ticket:
    """What is held back for one request. ``close`` it when the request is over, however that went."""

    def __init__(self, budget: Budget, price: Callable[[Asks], int]) -> None:
        self._budget = budget
        self._price = price
        self.amount = 0
        self.allowed_ms = 0
        self.refused: BudgetError | None = None
        """Why it may not go on."""
        self._closed = False

    async def allow(self, heard_ms: int) -> None:
        """Before audio is sent up to ``heard_ms`` from the request's beginning: hold another slice of it
        back if need be. Raises ``BudgetError``."""
        while heard_ms > self.allowed_ms:
            try:
                await self.take(Asks(hear_ms=SLICE_MS))
            except BudgetError as error:
                self.refused = error
                raise
            self.allowed_ms += SLICE_MS

    async def take(self, asks: Asks) -> None:
        amount = self._price(asks)
        await self._budget.hold(amount)
        self.amount += amount
        if self._closed:  # by the request's end, while somebody still sent: nobody closes it again
            self._budget.settle(amount)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._budget.settle(self.amount)


class Budget:
    """A companion of a call, and what it asks before each request. ``open`` before, ``end`` after it.

    ``limits`` are those of the call alone. ``strict``: what has no price isn't asked for.
    """

    def __init__(
        self,
        prices: PriceBook,
        *,
        limits: Sequence[Account],
        shared: Shared | None,
        alert_at: int,
        clock: Clock,
        workers: Workers,
        record: Callable[[Record], None],
        tell: Callable[[BudgetAlert], None] = lambda alert: None,
        strict: bool = True,
    ) -> None:
        self._prices = prices
        self._worst = WorstCase(prices)
        self._limits = tuple(limits)
        self._shared = shared
        self._alert_at = alert_at
        self._clock = clock
        self._workers = workers
        self._record = record
        self._tell = tell
        self._strict = strict
        self._heard_of: dict[str, tuple[int, int]] = {}
        """Slot of a fused model → audio tokens of the call so far, and until when."""
        self.spent = self._held = 0
        self._dearest = 0
        self._alerted: set[str] = set()
        self._unpriced: str | None = None
        self._hold = uuid4().hex
        self._allowance = self._unbooked = 0
        self._until: datetime | None = None
        """Until when the allowance holds: the end of its lease, or of its day."""
        self._accounts: tuple[Account, ...] = ()
        self._floor = asyncio.Lock()
        self._news = asyncio.Event()
        self._visits: set[asyncio.Task[Visit]] = set()
        self._broken = False
        """The book couldn't be used."""

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Raises ``BudgetError`` if a shared budget is spent, and ``SetupError`` if it can't be counted."""
        if self._shared is not None:
            visit = await self._visit(1)
            if visit.short is not None:
                raise _over(visit.short)

    async def run(self) -> None:
        """Keep the allowance filled, what was spent booked and the lease alive, until cancelled."""
        while self._shared is not None:
            timer = self._clock.call_at(self._clock.now() + RENEW, self._news.set)
            try:
                await self._news.wait()
            finally:
                timer.cancel()
            self._news.clear()
            try:
                await self._visit(0)
            except VoicepipeError as error:
                self._note_broken(error)

    async def end(self, report: CallReport, workers: Workers) -> None:
        """Book what is left to be booked, and give the rest back."""
        if self._shared is None:
            return
        async with self._floor:
            book = partial(
                self._shared.book.visit,
                self._hold,
                (),
                amounts=(0,),
                spent=self._unbooked,
                spent_in=self._accounts or self._shared.accounts(self._shared.now()),
                now=self._shared.now(),
                lasts=LEASE,
            )
            try:
                self._note_alerts((await workers.call(book)).alerts)
            finally:
                await workers.call(self._shared.book.close)
            self._allowance = self._unbooked = 0

    # ── what is spent ────────────────────────────────────────────────────────────────────────────

    def __call__(self, at_ns: int, event: Any) -> None:
        if type(event) is ProviderAttempt:
            self._spend(event)

    def settle(self, amount: int) -> None:
        """A request for which ``amount`` was held back is over, and what it has used was recorded."""
        self._held -= amount
        self._news.set()

    def _spend(self, request: ProviderAttempt) -> None:
        self._note_audio(request)
        for meter, used in tally(request, self._prices).amounts.items():
            self.spent += used.cost
            self._unbooked += used.cost
            if used.unpriced and self._strict and self._unpriced is None:
                model = f"/{meter.model}" if meter.model else ""
                self._unpriced = f"{meter.slot}: {meter.provider}{model}, {meter.unit}"
        for limit in self._limits:
            if limit.limit and self.spent * BASIS >= limit.limit * self._alert_at:
                self._note_alert(limit, self.spent)

    def _note_audio(self, request: ProviderAttempt) -> None:
        used = [one for one in request.usage if one.unit in ("audio_tokens_in", "audio_tokens_out")]
        if any(one.unit == "audio_tokens_out" for one in used):
            self._heard_of[request.slot] = sum(one.amount for one in used), request.at_ns

    # ── what is held back ────────────────────────────────────────────────────────────────────────

    async def reserve(self, slot: str, provider: Provider, asks: Asks, *, total_ns: int) -> Ticket:
        """Hold back what a request may cost that takes ``total_ns`` of the provider's time at most.

        Waits for nothing where the allowance covers it. Raises ``BudgetError``.
        """

        def price(asks: Asks) -> int:
            recalled = self._recalled(slot)
            worst = self._worst.cost(
                slot, provider.name, provider.config, asks, total_ns=total_ns, recalled=recalled
            )
            if worst is None and self._strict:
                raise _unpriced(f"{slot}: {provider.name}")
            return worst or 0

        ticket = Ticket(self, price)
        if asks.streams:
            await ticket.allow(1)
        else:
            await ticket.take(asks)
        return ticket

    def _recalled(self, slot: str) -> int:
        """Audio tokens of the call so far: what was told, and all since as if the caller had talked."""
        tokens, until_ns = self._heard_of.get(slot, (0, 0))
        return tokens + (self._clock.now() - until_ns) * HEARD_TOKENS_S // SECOND

    async def hold(self, amount: int) -> None:
        """Raises ``BudgetError`` if no budget has so much left. What costs nothing always fits."""
        if self._unpriced is not None:
            raise _unpriced(self._unpriced)
        if amount == 0:
            return
        self._dearest = max(self._dearest, amount)
        self._check(amount)
        if self._shared is not None and not self._covers(amount):
            await self._fill_up(amount)
            self._check(amount)
        self._held += amount
        if self._shared is not None and not self._covers(self._dearest):
            self._news.set()

    def _check(self, amount: int) -> None:
        for limit in self._limits:
            if self.spent + self._held + amount > limit.limit:
                raise _over(limit)

    def _covers(self, amount: int) -> bool:
        assert self._shared is not None, "an allowance is of what is shared"
        valid = self._until is not None and self._shared.now() < self._until
        return valid and self._allowance - self._held - self._unbooked >= amount

    async def _fill_up(self, amount: int) -> None:
        while not self._covers(amount):
            try:
                visit = await self._visit(amount)
            except VoicepipeError as error:
                self._note_broken(error)
                raise BudgetError(error.message, budget="store", limit="unknown", hint=error.hint) from error
            if visit.short is not None:
                raise _over(visit.short)

    # ── the book ─────────────────────────────────────────────────────────────────────────────────

    async def _visit(self, need: int) -> Visit:
        """Book what was spent and have at least ``need`` more, better some ahead. Raises ``SetupError``.

        Whoever waits for it may be cancelled, but what the book says and what is noted here change together.
        """
        task = asyncio.create_task(self._visit_whole(need), name="budget")
        self._visits.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Visit]) -> None:
        self._visits.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as seen, also where nobody waits any more

    async def _visit_whole(self, need: int) -> Visit:
        """One at a time. An allowance doesn't shrink while it holds, since others take from it meanwhile."""
        shared = self._shared
        assert shared is not None, "there is a book"
        async with self._floor:
            if need and self._covers(need):
                return Visit(self._allowance)
            now = shared.now()
            accounts, valid = shared.accounts(now), self._until is not None and now < self._until
            booked, before = self._unbooked, self._accounts or accounts
            keep = max(self._allowance - booked, self._held) if valid else self._held
            least = max(keep, self._held + need)
            ahead = max(keep, self._held + need + AHEAD * self._dearest)
            visit = partial(
                shared.book.visit,
                self._hold,
                accounts,
                amounts=(ahead, least) if ahead > least else (least,),
                keep=keep,
                spent=booked,
                spent_in=before,
                now=now,
                lasts=LEASE,
            )
            found = await self._workers.call(visit)
            self._broken = False
            self._unbooked -= booked
            self._accounts, self._allowance = accounts, found.held
            self._until = min(now + LEASE, _midnight(now))
            self._note_alerts(found.alerts)
            return found

    def _note_alerts(self, alerts: Sequence[tuple[Account, int]]) -> None:
        for account, spent in alerts:
            self._note_alert(account, spent)

    def _note_alert(self, limit: Account, spent: int) -> None:
        if limit.name in self._alerted:
            return
        self._alerted.add(limit.name)
        alert = BudgetAlert(
            at_ns=self._clock.now(),
            budget=limit.name,
            spent_usd=float(usd(spent)),
            limit_usd=float(usd(limit.limit)),
        )
        self._record(alert)
        self._tell(alert)

    def _note_broken(self, error: VoicepipeError) -> None:
        """Once until it is mended. What is held already may be used up."""
        if not self._broken:
            self._broken = True
            self._record(Failed(at_ns=self._clock.now(), stage="budget", error=str(error)))


def _over(limit: Account) -> BudgetError:
    allowed = f"{usd(limit.limit):f} USD"
    return BudgetError(
        f"the budget of {allowed} ({limit.name}) is spent, or what is left could be too little",
        budget=limit.name,
        limit=allowed,
    )


def _unpriced(what: str) -> BudgetError:
    return BudgetError(
        f"a budget can't be kept for what has no price ({what})",
        budget="prices",
        limit="0 USD",
        hint="write the price down: cost: {prices: …}",
    )


def _midnight(now: datetime) -> datetime:
    return datetime(now.year, now.month, now.day, tzinfo=now.tzinfo) + timedelta(days=1)
