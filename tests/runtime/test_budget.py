from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.observe.money import book as price_book
from tests.support.fake_realtime import FakeRealtime
from tests.support.stages import FakeLlm, FakeStt, settle
from tests.support.workers import make_workers
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.records import BudgetAlert, Failed, ProviderAttempt, Usage, UsageUnit
from voicepipe.core.units import SECOND
from voicepipe.errors import BudgetError, SetupError
from voicepipe.observe.budget_book import Account, BudgetBook
from voicepipe.observe.report import CallReport
from voicepipe.runtime.budget import LEASE, Budget, Shared, Ticket
from voicepipe.speech.budget import SLICE_MS, Asks
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


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while BOOKS:
        BOOKS.pop().close()


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
        attempt = ProviderAttempt(at_ns=at, turn=1, **of, began_ns=0, first_event_ns=None, status="ok")
        usage = Usage(at_ns=at, turn=1, **of, model=None, unit=unit, amount=amount)
        for event in (attempt, usage):
            self.budget(at, event)

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


# ── the budget of the call ───────────────────────────────────────────────────────────────────────


def test_a_request_is_refused_that_could_cost_more_than_is_left(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        for _ in range(10):
            await bench.request()
        with pytest.raises(BudgetError, match=r"the budget of 1 USD \(session\) is spent"):
            await bench.ask()
        assert bench.budget.spent == PICO

    on(tmp_path, main, own=PICO)


def test_requests_that_are_under_way_count(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        tickets = [await bench.ask() for _ in range(10)]
        with pytest.raises(BudgetError):
            await bench.ask()
        tickets.pop().close()  # it came to nothing: it has recorded no usage
        await bench.ask()

    on(tmp_path, main, own=PICO)


def test_a_ticket_is_settled_once(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        ticket = await bench.ask()
        ticket.close()
        ticket.close()
        tickets = [await bench.ask() for _ in range(10)]
        with pytest.raises(BudgetError):
            await bench.ask()
        assert len(tickets) == 10

    on(tmp_path, main, own=PICO)


def test_what_costs_nothing_is_allowed_when_nothing_is_left(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        await bench.budget.hold(0)
        with pytest.raises(BudgetError):
            await bench.ask()

    on(tmp_path, main, own=0)


def test_audio_is_held_back_slice_by_slice(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        ticket = await bench.listen()
        assert (ticket.amount, ticket.allowed_ms) == (CENT, SLICE_MS)
        await ticket.allow(SLICE_MS)
        assert ticket.amount == CENT
        await ticket.allow(SLICE_MS + 20)
        assert (ticket.amount, ticket.allowed_ms) == (2 * CENT, 2 * SLICE_MS)
        with pytest.raises(BudgetError):
            await ticket.allow(2 * SLICE_MS + 20)
        assert ticket.refused is not None

    on(tmp_path, main, own=2 * CENT)


def test_an_alert_is_told_once(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        for _ in range(7):
            await bench.request()
        assert bench.told == []
        for _ in range(3):
            await bench.request()
        (alert,) = bench.told
        assert bench.records == [alert]
        assert (alert.budget, alert.spent_usd, alert.limit_usd) == ("session", 0.8, 1.0)

    on(tmp_path, main, own=PICO)


def test_what_turns_out_to_have_no_price_stops_everything_else(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        ticket = await bench.ask()
        bench.use("tokens_out", 5)
        ticket.close()
        with pytest.raises(BudgetError, match=r"no price \(llm: fake-llm, tokens_out\)"):
            await bench.ask()

    on(tmp_path, main, own=PICO)


# ── budgets that calls share ─────────────────────────────────────────────────────────────────────


def test_calls_share_a_budget_and_together_stay_within_it(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        other = Bench(tmp_path, shared=True)
        spent = 0
        for one in (bench, other) * 10:
            try:
                await one.request()
                spent += 1
            except BudgetError:
                await one.end()  # what it has ahead is given back
        assert spent == 10
        await bench.end()
        await other.end()
        assert bench.balance() == [("day 2026-11-23", 100, 0)]

    on(tmp_path, main, shared=True)


def test_the_allowance_spares_most_requests_the_disk(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        await bench.request()
        bench.book.path.unlink()  # who went there now would find nothing booked
        await bench.ask()
        await bench.ask()
        assert not bench.book.path.exists()

    on(tmp_path, main, shared=True)


def test_the_keeper_books_what_was_spent_and_fills_up(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        keeper = asyncio.ensure_future(bench.budget.run())
        await bench.request()
        await settle()
        assert bench.balance() == [("day 2026-11-23", 10, 20)]
        keeper.cancel()
        await asyncio.wait([keeper])

    on(tmp_path, main, shared=True)


def test_a_call_that_says_nothing_for_long_keeps_its_hold(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        keeper = asyncio.ensure_future(bench.budget.run())
        ticket = await bench.ask()
        await bench.clock.sleep(10 * 60 * SECOND)
        await Bench(tmp_path, shared=True).end()  # whoever comes sweeps up what has run out
        ((_, _, held),) = bench.balance()
        assert held >= 10
        ticket.close()
        keeper.cancel()
        await asyncio.wait([keeper])

    on(tmp_path, main, shared=True)


def test_whose_lease_has_run_out_asks_anew(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        await bench.request()
        bench.began += LEASE  # it was asleep
        thief = Bench(tmp_path, shared=True)
        thief.began = bench.began
        await thief.budget.hold(90 * CENT)
        with pytest.raises(BudgetError):
            await bench.ask()

    on(tmp_path, main, shared=True)


def test_what_is_spent_after_midnight_counts_for_the_new_day(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        bench.began = datetime(2026, 11, 23, 23, 59, 50, tzinfo=UTC)
        await bench.request()
        bench.began += timedelta(seconds=20)
        await bench.request()
        await bench.end()
        assert bench.balance() == [("day 2026-11-23", 10, 0), ("day 2026-11-24", 10, 0)]

    on(tmp_path, main, shared=True)


def test_the_end_of_a_call_books_the_rest_and_holds_nothing(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        await bench.ask()
        bench.use()
        await bench.end()
        assert bench.balance() == [("day 2026-11-23", 10, 0)]

    on(tmp_path, main, shared=True)


def test_what_cost_money_although_nothing_was_held_back_is_booked_in_the_end(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        bench.use()
        await bench.end()
        assert bench.balance() == [("day 2026-11-23", 10, 0)]

    on(tmp_path, main, shared=True)


def test_a_call_cannot_begin_when_its_day_is_spent(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        await bench.budget.open()
        for _ in range(10):
            await bench.request()
        await bench.end()
        with pytest.raises(BudgetError) as caught:
            await Bench(tmp_path, shared=True).budget.open()
        assert (caught.value.budget, caught.value.limit) == ("day 2026-11-23", "1 USD")

    on(tmp_path, main, shared=True)


def test_whoever_gives_up_waiting_for_the_book_leaves_nothing_booked_twice(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        await bench.request()
        bench.workers.slow = True
        bench.began += LEASE
        waiting = asyncio.ensure_future(bench.ask())
        await settle()
        waiting.cancel()
        await asyncio.wait([waiting])
        await bench.end()
        assert bench.balance() == [("day 2026-11-23", 10, 0)]

    on(tmp_path, main, shared=True)


@pytest.mark.parametrize("when", ["new call", "running call"])
def test_without_the_book_no_call_begins_and_a_running_one_is_refused_what_it_does_not_hold(
    tmp_path: Path, when: str
) -> None:
    async def main(bench: Bench) -> None:
        if when == "running call":
            await bench.ask()
        bench.book.visit("x", (), amounts=(0,), now=NOW, lasts=LEASE)
        others = sqlite3.connect(bench.book.path, isolation_level=None)
        others.execute("BEGIN IMMEDIATE")
        if when == "new call":
            with pytest.raises(SetupError, match="can't be used"):
                await bench.budget.open()
            others.close()
            return
        await bench.ask()  # of what it holds
        await bench.ask()
        with pytest.raises(BudgetError, match="can't be used"):
            await bench.ask()
        assert [type(record) for record in bench.records] == [Failed]
        others.close()
        await bench.ask()

    on(tmp_path, main, shared=True)


def test_alerts_of_the_book_are_told_by_who_noticed(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        for _ in range(8):
            await bench.request()
        await bench.end()
        assert [alert.budget for alert in bench.told] == ["day 2026-11-23"]

    on(tmp_path, main, shared=True)


def test_audio_of_the_call_so_far_is_a_part_of_what_a_fused_model_may_cost(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        async def amount() -> int:
            """In ten-thousandths of a dollar, of which an audio token costs one."""
            asks = Asks(recalls=True)
            ticket = await bench.budget.reserve("realtime", FakeRealtime(), asks, total_ns=SECOND)
            ticket.close()
            return ticket.amount * 10_000 // PICO

        await bench.clock.sleep(4 * SECOND)
        assert await amount() == 100  # as if the caller had talked all the time
        bench.use("audio_tokens_out", 30, slot="realtime", provider="fake")
        bench.budget.settle(0)
        assert await amount() == 30
        await bench.clock.sleep(SECOND)
        assert await amount() == 55

    on(tmp_path, main, own=PICO)
