"""Deadlines end a provider by cancelling the task that waits for it, and others may cancel that task, too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.runtime.test_guard import Watched, never
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError


async def cancelled_at_the_deadline(watched: Watched) -> asyncio.Task[list[Any]]:
    """What became of the task that took the events, and that somebody else cancelled in the same instant."""
    task = asyncio.ensure_future(watched.events())
    watched.call.clock.call_at(2 * SECOND, lambda: _cancel(task))
    await asyncio.wait([task])
    assert watched.call.clock.now() == 2 * SECOND
    assert task.cancelling() == 1, "the guard has taken its own cancellation back, and no other"
    return task


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


def cancellations() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


def timers() -> int:
    scheduled: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not handle.cancelled() for handle in scheduled)


@pytest.mark.parametrize("before", [0, 1])
def test_a_deadline_leaves_no_cancellation_behind_and_takes_none_back_of_somebody_else(before: int) -> None:
    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        for _ in range(before):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.sleep(0)
        with pytest.raises(ProviderError, match="no answer within 2s"):
            await Watched(never).events()
        assert cancellations() == before

    run_on("simulated", main())


def test_a_cancellation_in_the_instant_of_the_deadline_stays_one() -> None:
    async def main() -> None:
        watched = Watched(never)
        task = await cancelled_at_the_deadline(watched)
        assert task.cancelled()
        assert (watched.attempt.status, watched.attempt.error) == ("cancelled", None)

    run_on("simulated", main())


def test_a_provider_that_makes_a_timeout_of_both_has_missed_the_deadline() -> None:
    async def translates(call: Call) -> AsyncIterator[int]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise TimeoutError("its own words") from None
        yield 0

    async def main() -> None:
        watched = Watched(translates)
        task = await cancelled_at_the_deadline(watched)
        with pytest.raises(ProviderError, match="no answer within 2s"):
            task.result()
        assert watched.attempt.status == "failed"

    run_on("simulated", main())


@pytest.mark.parametrize("events", [[0], []])
def test_a_provider_that_goes_on_or_ends_all_the_same_leaves_neither_timer_nor_cancellation(
    events: list[int],
) -> None:
    async def shrugs(call: Call) -> AsyncIterator[int]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            for event in events:
                yield event

    async def main() -> None:
        watched = Watched(shrugs)
        async with watched.guard as guarded:
            assert await anext(guarded, None) == (events[0] if events else None)
            assert watched.call.clock.now() == 2 * SECOND
            assert (cancellations(), timers()) == (0, 0)
        assert watched.attempt.status == "ok"

    run_on("simulated", main())
