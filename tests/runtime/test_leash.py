from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from voicepipe.runtime.leash import Leash


async def wait_for(work: Awaitable[Any]) -> Any:
    return await work


async def begun(leash: Leash) -> asyncio.Task[Any]:
    task = asyncio.ensure_future(wait_for(leash))
    await asyncio.sleep(0)
    return task


async def answers() -> str:
    await asyncio.sleep(0)
    return "done"


async def fails() -> str:
    await asyncio.sleep(0)
    raise LookupError("not there")


async def stops() -> str:
    raise StopAsyncIteration


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (answers, "done"),
        (lambda: asyncio.ensure_future(answers()), "done"),
        (fails, LookupError),
        (stops, StopAsyncIteration),
    ],
)
def test_the_work_ends_as_if_it_had_no_leash(work: Callable[[], Awaitable[str]], expected: Any) -> None:
    async def test() -> None:
        if isinstance(expected, str):
            assert await Leash(work()) == expected
        else:
            with pytest.raises(expected):
                await Leash(work())

    asyncio.run(test())


def test_until_it_is_let_go_the_work_decides_what_a_cancellation_does() -> None:
    async def shrugs() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        return "finished all the same"

    async def obeys() -> None:
        await asyncio.Event().wait()

    async def test() -> None:
        task = await begun(Leash(shrugs()))
        task.cancel()
        assert await task == "finished all the same"
        task = await begun(Leash(obeys()))
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(test())


def test_a_time_out_inside_of_the_work_is_its_own() -> None:
    async def times_out() -> str:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            return "too late"
        return "in time"

    assert asyncio.run(wait_for(Leash(times_out()))) == "too late"


class Stubborn:
    """Resists its cancellation, or anything, until the test is over."""

    def __init__(self, shrugs_at: type[BaseException]) -> None:
        self.shrugs_at = shrugs_at
        self.heard: list[str] = []
        self.over = False

    async def resist(self) -> None:
        while not self.over:
            try:
                await asyncio.sleep(0 if self.heard else 3600)
            except self.shrugs_at as error:
                self.heard.append(type(error).__name__)


@pytest.mark.parametrize(
    ("shrugs_at", "heard"),
    [(asyncio.CancelledError, ["CancelledError"]), (BaseException, ["CancelledError", "GeneratorExit"])],
)
def test_let_go_it_ends_the_task_whatever_the_work_does(
    shrugs_at: type[BaseException], heard: list[str]
) -> None:
    stubborn = Stubborn(shrugs_at)

    async def test() -> None:
        leash = Leash(stubborn.resist())
        task = await begun(leash)
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        leash.let_go()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(test())  # would not come back if a task were left
    gc.collect()
    assert stubborn.heard == heard
    stubborn.over = True
