from __future__ import annotations

import asyncio

import pytest

from tests.support.toolbench import simulated
from voicepipe.core.clock import Clock
from voicepipe.core.units import SECOND
from voicepipe.errors import ToolError
from voicepipe.runtime.tool_tasks import CLOSE_S, UNWIND_S, ToolTasks

LATE = LookupError("too late")


async def answer(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "here"


async def resist() -> None:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


def test_an_answer_within_its_time_is_returned() -> None:
    async def test() -> None:
        assert await ToolTasks().within(2, answer(1), late=LATE) == "here"

    simulated(test)


@pytest.mark.parametrize("work", [answer, lambda seconds: resist()])
def test_whatever_takes_longer_is_left_behind(work: object) -> None:
    async def test() -> None:
        tasks, clock = ToolTasks(), Clock()
        assert callable(work)
        with pytest.raises(LookupError, match="too late"):
            await tasks.within(2, work(9), late=LATE)
        assert clock.now() == 2 * SECOND
        await tasks.close()
        assert clock.now() <= (2 + UNWIND_S) * SECOND  # its time was over, so nobody waits for it again
        assert asyncio.all_tasks() == {asyncio.current_task()}

    simulated(test)


def test_what_cancels_itself_is_an_error_and_not_a_cancellation() -> None:
    async def cancels() -> None:
        raise asyncio.CancelledError

    async def test() -> None:
        with pytest.raises(ToolError, match="cancelled itself"):
            await ToolTasks().within(2, cancels(), late=LATE)

    simulated(test)


def test_at_the_end_what_goes_on_has_a_while_and_is_then_cancelled() -> None:
    async def test() -> None:
        tasks, clock = ToolTasks(), Clock()
        quick = tasks.spawn(answer(1))
        slow = tasks.spawn(answer(3600))
        await tasks.close()
        assert quick.result() == "here"
        assert slow.cancelled()
        assert clock.now() == CLOSE_S * SECOND

    simulated(test)


def test_in_a_hurry_no_tool_is_waited_for() -> None:
    async def test() -> None:
        tasks, clock = ToolTasks(), Clock()
        going_on = tasks.spawn(answer(60))
        await clock.sleep(SECOND)
        await tasks.close(hurry=True)
        assert going_on.cancelled()
        assert clock.now() == SECOND

    simulated(test)


def test_a_cancellation_that_was_caught_long_ago_is_no_hurry() -> None:
    async def test() -> None:
        tasks, own = ToolTasks(), asyncio.current_task()
        assert own is not None
        own.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        assert own.cancelling() == 1
        booking = tasks.spawn(answer(1))
        await tasks.close()
        assert booking.result() == "here"

    simulated(test)
