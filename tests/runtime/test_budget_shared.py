from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.budgets import BOOKS, CENT, NOW, Bench, on
from tests.support.stages import settle
from voicepipe.core.records import Failed
from voicepipe.core.units import SECOND
from voicepipe.errors import BudgetError, SetupError
from voicepipe.runtime.budget import LEASE


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while BOOKS:
        BOOKS.pop().close()


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
