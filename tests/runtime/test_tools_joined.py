"""A call that outlives its turn isn't executed again for the next one that asks for the same."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.toolbench import ToolBench, call, error_of, settle, simulated
from voicepipe.core.messages import Message
from voicepipe.core.units import SECOND
from voicepipe.speech.tools import tool


class Bookings:
    """A tool that takes three seconds, and how often it was really executed."""

    def __init__(self) -> None:
        self.days: list[str] = []
        self.fails = False

        @tool(timeout="30s")
        async def book(day: str, hour: int = 9) -> str:
            """Book a day."""
            self.days.append(day)
            await asyncio.sleep(3)
            if self.fails:
                raise LookupError("fully booked")
            return f"booking {len(self.days)}"

        self.bench = ToolBench(book)

    def run(self, turn: int, day: str = "monday", **options: Any) -> asyncio.Task[list[Message] | None]:
        return asyncio.ensure_future(self.bench.run(turn, call("book", {"day": day}, f"c{turn}"), **options))

    async def interrupted(self, at: int = 1) -> int:
        """A call that was begun at 0 s, and whose turn dies after ``at`` seconds."""
        turn = self.bench.begin()
        running = self.run(turn)
        await self.bench.clock.sleep(at * SECOND)
        self.bench.die(turn)
        assert await running is None
        return turn


def test_an_equal_call_of_the_next_turn_waits_for_the_one_under_way() -> None:
    async def test() -> None:
        bookings = Bookings()
        bench, first = bookings.bench, await bookings.interrupted()
        second = bench.begin()
        messages = await bookings.run(second)
        assert messages is not None
        assert [message.text for message in messages] == ["booking 1"]
        assert bench.clock.now() == 3 * SECOND
        assert bookings.days == ["monday"]
        assert [(s.turn, s.joined) for s in bench.started] == [(first, False), (second, True)]
        assert sorted((f.turn, f.result, f.error) for f in bench.finished) == [
            (first, "booking 1", False),
            (second, "booking 1", False),
        ]
        assert bench.answers() == ["booking 1"]

    simulated(test)


def test_a_call_with_other_arguments_is_another_one() -> None:
    async def test() -> None:
        bookings = Bookings()
        await bookings.interrupted()
        await bookings.run(bookings.bench.begin(), "friday")
        assert bookings.days == ["monday", "friday"]

    simulated(test)


def test_the_failure_of_the_one_under_way_is_told_to_both() -> None:
    async def test() -> None:
        bookings = Bookings()
        bookings.fails = True
        await bookings.interrupted()
        messages = await bookings.run(bookings.bench.begin())
        assert messages is not None
        assert error_of(messages[0].text) == "LookupError: fully booked"
        assert [f.error for f in bookings.bench.finished] == [True, True]
        assert bookings.days == ["monday"]

    simulated(test)


def test_a_model_that_knows_the_result_and_asks_again_means_it() -> None:
    async def test() -> None:
        bookings = Bookings()
        await bookings.interrupted()
        await bookings.bench.clock.sleep(5 * SECOND)
        await bookings.run(bookings.bench.begin())
        assert bookings.days == ["monday", "monday"]
        assert [s.joined for s in bookings.bench.started] == [False, False]

    simulated(test)


def test_a_model_that_was_asked_before_the_result_was_there_gets_it_without_a_second_execution() -> None:
    async def test() -> None:
        bookings = Bookings()
        bench = bookings.bench
        await bookings.interrupted()
        asked_ns = bench.clock.now()
        await bench.clock.sleep(5 * SECOND)  # the model thinks while the first call comes to its end
        messages = await bookings.run(bench.begin(), asked_ns=asked_ns)
        assert messages is not None
        assert messages[0].text == "booking 1"
        assert bookings.days == ["monday"]
        assert bench.clock.now() == 6 * SECOND

    simulated(test)


def test_a_draft_that_asks_for_it_joins_at_its_commit_even_if_the_first_has_ended_by_then() -> None:
    async def test() -> None:
        bookings = Bookings()
        bench = bookings.bench
        await bookings.interrupted()
        draft = bench.begin(live=False)
        running = bookings.run(draft)
        await bench.clock.sleep(5 * SECOND)
        assert len(bench.started) == 1
        bench.commit(draft)
        messages = await running
        assert messages is not None
        assert messages[0].text == "booking 1"
        assert bookings.days == ["monday"]

    simulated(test)


def test_a_call_that_joined_outlives_its_turn_as_well_and_a_third_turn_joins_the_same() -> None:
    async def test() -> None:
        bookings = Bookings()
        bench = bookings.bench
        first = await bookings.interrupted()
        second = bench.begin()
        running = bookings.run(second)
        await bench.clock.sleep(1 * SECOND)
        bench.die(second)
        assert await running is None
        third = bench.begin()
        assert await bookings.run(third) is not None
        await settle()
        assert bookings.days == ["monday"]
        assert sorted((f.turn, f.result) for f in bench.finished) == [
            (turn, "booking 1") for turn in (first, second, third)
        ]
        assert bench.answers() == ["booking 1", "booking 1"]  # the third turn isn't over yet

    simulated(test)


def test_two_equal_calls_in_one_breath_are_what_the_model_wants() -> None:
    async def test() -> None:
        bookings = Bookings()
        bench = bookings.bench
        monday = {"day": "monday"}
        await bench.run(bench.begin(), call("book", monday, "a"), call("book", monday, "b"))
        assert bookings.days == ["monday", "monday"]

    simulated(test)


def test_what_may_be_cancelled_is_executed_anew() -> None:
    async def test() -> None:
        began: list[int] = []

        @tool(side_effect=False)
        async def search() -> str:
            """Search."""
            began.append(bench.clock.now() // SECOND)
            await asyncio.sleep(3)
            return "found"

        bench = ToolBench(search)
        draft = bench.begin(live=False)
        running = asyncio.ensure_future(bench.run(draft, call("search")))
        await bench.clock.sleep(1 * SECOND)
        bench.turns.discard()
        assert await running is None
        messages = await bench.run(bench.begin(), call("search"))
        assert messages is not None
        assert began == [0, 1]
        assert [f.error for f in bench.finished] == [True, False]

    simulated(test)


def test_a_session_that_ends_ends_the_calls_that_joined_too() -> None:
    async def test() -> None:
        never = asyncio.Event()

        @tool(timeout="1h")
        async def book() -> None:
            """Never come back."""
            await never.wait()

        bench = ToolBench(book)
        for _ in range(2):
            turn = bench.begin()
            running = asyncio.ensure_future(bench.run(turn, call("book")))
            await bench.clock.sleep(1 * SECOND)
            bench.die(turn)
            assert await running is None
        await bench.tools.close()
        assert [f.error for f in bench.finished] == [True, True]
        assert all("interrupted" in error_of(answer) for answer in bench.answers())
        assert asyncio.all_tasks() == {asyncio.current_task()}

    simulated(test)
