"""A call that keeps to a budget, without the call: what it asks for and uses is said by the test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from tests.observe.money import book as price_book
from tests.support.stages import FakeLlm, FakeStt
from tests.support.workers import make_workers
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.records import BudgetAlert, ProviderAttempt, Usage, UsageUnit
from voicepipe.core.units import SECOND
from voicepipe.observe.budget_book import Account, BudgetBook
from voicepipe.observe.report import CallReport
from voicepipe.runtime.budget import Budget, Shared, Ticket
from voicepipe.speech.budget import Asks
from voicepipe.speech.pricing import PICO

T = TypeVar("T")

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CENT = PICO // 100
NOBODY: Any = None
"""What a provider does that is never asked."""

PRICES = """
stages: {vad: energy, stt: sim, llm: sim, tts: sim}
cost:
  prices:
    fake-llm: {request: 0.10}
    fake-stt: {audio_minute: 0.04}
    fake: {million_audio_tokens_in: 100, million_audio_tokens_out: 100}
"""
"""A request to the fake model costs ten cents, a quarter of a minute to the recogniser one."""


def days(now: datetime) -> tuple[Account, ...]:
    return (Account(f"day {now:%Y-%m-%d}", PICO),)


class Workers:
    """Run what they are given at once; if they are ``slow``, it takes a second until the caller knows."""

    slow = False

    async def call(self, fn: Callable[[], T], **options: Any) -> T:
        found = fn()
        if self.slow:
            await asyncio.sleep(1)
        return found

    def stream(self, fn: Any) -> Any:
        raise AssertionError("a budget streams nothing")

    def batcher(self, fn: Any, *, max_batch: int) -> Any:
        raise AssertionError("a budget batches nothing")


BOOKS: list[BudgetBook] = []
"""Those that were opened, for whoever closes them."""


class Bench:
    """A call with a budget of one dollar: its own, or one that is shared with others."""

    def __init__(self, folder: Path, *, own: int | None = None, shared: bool = False) -> None:
        self.clock = Clock()
        self.workers = Workers()
        self.began = NOW
        self.book = BudgetBook(folder / "budget.db", wait_s=0)
        BOOKS.append(self.book)
        self.records: list[Any] = []
        self.told: list[BudgetAlert] = []
        self.budget = Budget(
            price_book(folder, PRICES),
            limits=[] if own is None else [Account("session", own)],
            shared=Shared(self.book, days, self.now) if shared else None,
            alert_at=8000,
            clock=self.clock,
            workers=self.workers,
            record=self.records.append,
            tell=self.told.append,
        )

    def now(self) -> datetime:
        return self.began + timedelta(microseconds=self.clock.now() // 1000)

    async def ask(self) -> Ticket:
        return await self.budget.reserve("llm", FakeLlm(NOBODY), Asks(writes=True), total_ns=SECOND)

    async def listen(self) -> Ticket:
        return await self.budget.reserve("stt", FakeStt(NOBODY), Asks(streams=True), total_ns=SECOND)

    def use(self, unit: UsageUnit = "requests", amount: int = 1, **of: str) -> None:
        """A request has ended."""
        at, of = self.clock.now(), {"slot": "llm", "provider": "fake-llm", **of}
        used = (Usage(unit=unit, amount=amount),)
        attempt = ProviderAttempt(
            at_ns=at, turn=1, **of, began_ns=0, first_event_ns=None, status="ok", usage=used
        )
        self.budget(at, attempt)

    async def request(self) -> None:
        ticket = await self.ask()
        self.use()
        ticket.close()

    async def end(self) -> None:
        await self.budget.end(CallReport(session="s", clock="real"), make_workers())

    def balance(self) -> list[tuple[str, int, int]]:
        """By day, what is spent and held, in cents."""
        return [(one.account, one.spent // CENT, one.held // CENT) for one in self.book.balances(self.now())]


def on(folder: Path, main: Callable[[Bench], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        await main(Bench(folder, **options))

    run_on("simulated", run())
