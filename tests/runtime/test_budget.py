from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.budgets import BOOKS, CENT, Bench, on
from tests.support.fake_realtime import FakeRealtime
from voicepipe.core.units import SECOND
from voicepipe.errors import BudgetError
from voicepipe.speech.budget import SLICE_MS, Asks
from voicepipe.speech.pricing import PICO


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while BOOKS:
        BOOKS.pop().close()


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


def test_what_is_asked_for_after_the_end_of_a_request_is_not_held_back_for_ever(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        ticket = await bench.listen()
        ticket.close()
        await ticket.allow(2 * SLICE_MS)
        tickets = [await bench.ask() for _ in range(10)]
        assert len(tickets) == 10

    on(tmp_path, main, own=PICO)


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
