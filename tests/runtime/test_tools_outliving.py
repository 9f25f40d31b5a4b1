"""What becomes of tools whose turn dies, or whose session ends."""

from __future__ import annotations

import asyncio

from tests.support.toolbench import ToolBench, add, book, call, dawdles, error_of, settle, simulated
from voicepipe.core.messages import ToolCall
from voicepipe.core.units import SECOND
from voicepipe.runtime.tool_tasks import CLOSE_S, UNWIND_S
from voicepipe.speech.tools import tool


async def killed(bench: ToolBench, seconds: int, *calls: ToolCall) -> None:
    """A turn that makes ``calls``, and dies after so long; it gets no answers any more."""
    turn = bench.begin()
    running = asyncio.ensure_future(bench.run(turn, *calls))
    await (bench.clock.sleep(seconds * SECOND) if seconds else settle())
    bench.die(turn)
    assert await running is None


def test_a_tool_with_effects_waits_for_the_commit() -> None:
    async def test() -> None:
        bench = ToolBench(book)
        turn = bench.begin(live=False)
        running = asyncio.ensure_future(bench.run(turn, call("book")))
        await bench.clock.sleep(10 * SECOND)
        assert bench.records == []
        bench.commit(turn)
        messages = await running
        assert messages is not None
        assert messages[0].text == "booked"
        assert bench.clock.now() == 13 * SECOND

    simulated(test)


def test_a_tool_without_effects_runs_for_a_draft() -> None:
    async def test() -> None:
        bench = ToolBench(add)
        messages = await bench.run(bench.begin(live=False), call("add", {"a": 1}))
        assert messages is not None
        assert messages[0].text == '{"sum":2}'

    simulated(test)


def test_a_tool_with_effects_never_begins_for_a_draft_that_is_discarded() -> None:
    async def test() -> None:
        bench = ToolBench(book)
        running = asyncio.ensure_future(bench.run(bench.begin(live=False), call("book")))
        await settle()
        bench.turns.discard()
        assert await running is None
        await bench.tools.close()
        assert bench.records == []
        assert bench.clock.now() == 0

    simulated(test)


def test_a_tool_without_effects_is_cancelled_with_its_turn() -> None:
    async def test() -> None:
        bench = ToolBench(dawdles)
        await killed(bench, 1, call("dawdles"))
        await settle()
        (finished,) = bench.finished
        assert finished.at_ns == 1 * SECOND
        assert finished.error
        assert "interrupted" in error_of(finished.result)

    simulated(test)


def test_a_tool_with_effects_outlives_its_turn_and_its_result_becomes_history() -> None:
    async def test() -> None:
        bench = ToolBench(book)
        await killed(bench, 1, call("book"))
        assert bench.clock.now() == 1 * SECOND
        (meanwhile,) = bench.answers()
        assert "still running" in meanwhile
        await bench.clock.sleep(5 * SECOND)
        assert bench.answers() == ["booked"]
        assert [(f.result, f.error, f.at_ns) for f in bench.finished] == [("booked", False, 3 * SECOND)]

    simulated(test)


def test_what_was_finished_before_the_turn_died_is_kept() -> None:
    async def test() -> None:
        bench = ToolBench(add, dawdles)
        turn = bench.begin()
        running = asyncio.ensure_future(
            bench.run(turn, call("add", {"a": 1}, "quick"), call("dawdles", id="slow"))
        )
        await bench.clock.sleep(1 * SECOND)
        bench.turns.interrupt()
        assert await running is None
        await settle()
        bench.conversation.finish(turn, completed=False)
        quick, slow = bench.answers()
        assert quick == '{"sum":2}'
        assert error_of(slow) == "interrupted before it finished"

    simulated(test)


def test_a_call_that_waits_for_the_commit_when_its_turn_dies_is_not_called_and_the_model_is_told() -> None:
    async def test() -> None:
        bench = ToolBench(book)
        turn = bench.begin(live=False)
        running = asyncio.ensure_future(bench.run(turn, call("book")))
        await settle()
        bench.commit(turn)
        bench.die(turn)  # in the same step: nothing can have begun
        assert await running is None
        await bench.tools.close()
        assert bench.records == []
        (answer,) = bench.answers()
        assert error_of(answer) == "interrupted before it was called"

    simulated(test)


def test_a_tool_with_effects_that_may_be_cancelled_is_and_the_model_is_told_that_it_may_have_had_them() -> (
    None
):
    async def test() -> None:
        undone: list[int] = []

        @tool(cancellable=True)
        async def reserve() -> None:
            """Reserve a table, or undo it."""
            try:
                await asyncio.sleep(3)
            except asyncio.CancelledError:
                await asyncio.sleep(1)
                undone.append(bench.clock.now() // SECOND)
                raise

        bench = ToolBench(reserve)
        turn = bench.begin(live=False)
        running = asyncio.ensure_future(bench.run(turn, call("reserve")))
        await bench.clock.sleep(1 * SECOND)
        assert bench.records == []  # it waits for the commit all the same
        bench.commit(turn)
        await bench.clock.sleep(1 * SECOND)
        bench.die(turn)
        assert await running is None
        await settle()
        (finished,) = bench.finished
        assert finished.at_ns == 2 * SECOND
        assert error_of(finished.result) == "interrupted before it finished. It may still have its effect."
        assert bench.answers() == [finished.result]
        await bench.tools.close()
        assert undone == [3]

    simulated(test)


def test_a_tool_without_effects_that_may_not_be_cancelled_goes_on() -> None:
    async def test() -> None:
        @tool(side_effect=False, cancellable=False)
        async def search() -> str:
            """Search for three seconds, which isn't to be done in vain."""
            await asyncio.sleep(3)
            return "found"

        bench = ToolBench(search)
        await killed(bench, 1, call("search"))
        await bench.tools.close()
        assert bench.answers() == ["found"]
        assert [(f.result, f.at_ns) for f in bench.finished] == [("found", 3 * SECOND)]

    simulated(test)


def test_a_tool_without_effects_of_a_discarded_draft_is_recorded_once_and_is_no_history() -> None:
    async def test() -> None:
        bench = ToolBench(add, dawdles)
        draft = bench.begin(live=False)
        running = asyncio.ensure_future(bench.run(draft, call("add", {"a": 1}), call("dawdles", id="c2")))
        await bench.clock.sleep(1 * SECOND)
        bench.turns.discard()
        bench.conversation.discard(draft)
        assert await running is None
        await settle()
        assert [(s.turn, s.call_id) for s in bench.started] == [(draft, "c1"), (draft, "c2")]
        assert [(f.turn, f.call_id, f.error) for f in bench.finished] == [
            (draft, "c1", False),
            (draft, "c2", True),
        ]
        assert bench.conversation.history == []

    simulated(test)


def test_a_session_that_ends_waits_for_tools_with_effects() -> None:
    async def test() -> None:
        bench = ToolBench(book)
        await killed(bench, 1, call("book"))
        await bench.tools.close()
        assert bench.clock.now() == 3 * SECOND
        assert bench.answers() == ["booked"]

    simulated(test)


def test_it_waits_a_bounded_time_also_for_a_tool_that_resists() -> None:
    async def test() -> None:
        let_go = asyncio.Event()

        @tool(timeout="1h")
        async def resists() -> None:
            """Ignore every cancellation."""
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue

        bench = ToolBench(resists)
        await killed(bench, 0, call("resists"))
        await bench.tools.close()
        assert bench.clock.now() <= (CLOSE_S + UNWIND_S) * SECOND
        assert [f.error for f in bench.finished] == [True]
        let_go.set()
        await settle()

    simulated(test)


def test_a_tool_that_resists_its_time_out_holds_nobody_up() -> None:
    async def test() -> None:
        let_go = asyncio.Event()

        @tool(timeout="1s")
        async def resists() -> None:
            """Ignore the cancellation and fail afterwards."""
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                await let_go.wait()
                raise LookupError("nobody asks any more") from None

        bench = ToolBench(resists)
        assert "no answer within 1s" in error_of(await bench.ask("resists"))
        assert bench.clock.now() == 1 * SECOND
        let_go.set()
        await settle()

    simulated(test)
