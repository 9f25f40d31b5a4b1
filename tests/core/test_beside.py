from __future__ import annotations

import asyncio

import pytest

from voicepipe.core.beside import Beside
from voicepipe.core.clock import run_on


async def _answer(value: int, go: asyncio.Event) -> int:
    await go.wait()
    return value


def test_work_goes_on_while_its_owner_does_something_else() -> None:
    async def main() -> tuple[list[bool], int]:
        beside: Beside[int] = Beside()
        go = asyncio.Event()
        seen = [beside.busy]
        beside.start(_answer(7, go))
        seen += [beside.busy, beside.ready]
        go.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen += [beside.ready]
        return [*seen, beside.busy], await beside.take()

    assert asyncio.run(main()) == ([False, True, False, True, True], 7)


def test_taking_waits_for_the_work_and_makes_room_for_the_next() -> None:
    async def main() -> list[int]:
        beside: Beside[int] = Beside()
        results = []
        for value in (1, 2):
            go = asyncio.Event()
            beside.start(_answer(value, go))
            asyncio.get_running_loop().call_soon(go.set)
            results.append(await beside.take())
        return results

    assert asyncio.run(main()) == [1, 2]


def test_what_the_work_raised_is_raised_when_it_is_taken() -> None:
    async def fail() -> int:
        raise LookupError("no")

    async def main() -> bool:
        beside: Beside[int] = Beside()
        beside.start(fail())
        with pytest.raises(LookupError):
            await beside.take()
        return beside.busy

    assert asyncio.run(main()) is False


def test_work_that_is_stopped_has_gone_when_stop_returns() -> None:
    gone = []

    async def work() -> int:
        try:
            return await _answer(1, asyncio.Event())
        finally:
            gone.append(True)

    async def main() -> bool:
        beside: Beside[int] = Beside()
        beside.start(work())
        await asyncio.sleep(0)
        await beside.stop()
        await beside.stop()
        return beside.busy

    assert asyncio.run(main()) is False
    assert gone == [True]


def test_cancelling_the_owner_while_it_waits_cancels_the_work() -> None:
    cancelled = []

    async def work() -> int:
        try:
            return await _answer(1, asyncio.Event())
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def main() -> None:
        beside: Beside[int] = Beside()
        beside.start(work())
        owner = asyncio.ensure_future(beside.take())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        owner.cancel()
        with pytest.raises(asyncio.CancelledError):
            await owner

    asyncio.run(main())
    assert cancelled == [True]


def test_a_second_piece_of_work_is_refused_until_the_first_was_taken() -> None:
    async def main() -> None:
        beside: Beside[int] = Beside()
        go = asyncio.Event()
        beside.start(_answer(1, go))
        with pytest.raises(RuntimeError, match="has not been taken"):
            beside.start(_answer(2, go))
        await beside.stop()
        with pytest.raises(RuntimeError, match="no work"):
            await beside.take()

    asyncio.run(main())


def test_work_that_several_stop_is_cancelled_once_and_all_of_them_wait_until_it_has_cleaned_up() -> None:
    async def main() -> None:
        log: list[str] = []

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(1)
                log.append("cleaned up")

        async def stop() -> None:
            await beside.stop()
            log.append("stopped")

        beside: Beside[None] = Beside()
        beside.start(work())
        await asyncio.sleep(0)
        async with asyncio.TaskGroup() as group:
            group.create_task(stop())
            group.create_task(stop())
        assert log == ["cleaned up", "stopped", "stopped"]
        assert not beside.busy

    run_on("simulated", main())


def test_several_wait_for_work_that_goes_on_when_one_of_them_gives_up() -> None:
    async def main() -> int:
        beside: Beside[int] = Beside()
        await beside.wait()
        go = asyncio.Event()
        beside.start(_answer(7, go))
        impatient, patient = (asyncio.ensure_future(beside.wait()) for _ in range(2))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait([impatient])
        assert impatient.cancelled()
        assert not patient.done()
        go.set()
        await patient
        return await beside.take()

    assert asyncio.run(main()) == 7


def test_who_waits_is_told_what_the_work_raised_and_nothing_if_it_was_stopped() -> None:
    async def fail() -> None:
        raise ValueError("no")

    async def main() -> None:
        beside: Beside[None] = Beside()
        beside.start(fail())
        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                await beside.wait()
        await beside.stop()
        beside.start(asyncio.sleep(1))
        waiting = asyncio.ensure_future(beside.wait())
        await asyncio.sleep(0)
        await beside.stop()
        await waiting

    run_on("simulated", main())
