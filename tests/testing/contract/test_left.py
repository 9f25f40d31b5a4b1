"""Finding what is left over."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from tests.support.workers import PATIENCE
from voicepipe.core.clock import run_on
from voicepipe.testing.contract.left import Before, eventually, open_files


def test_nothing_is_left_where_all_has_ended() -> None:
    async def main() -> list[str]:
        before = Before(PATIENCE)
        first, second = socket.socketpair()
        thread = threading.Thread(target=first.recv, args=[1])  # noqa: TID251 - as libraries do
        thread.start()
        task = asyncio.ensure_future(asyncio.sleep(0))
        second.send(b"x")
        thread.join()
        first.close()
        second.close()
        await task
        return await before.left()

    assert asyncio.run(main()) == []


def test_what_is_about_to_end_is_waited_for() -> None:
    async def main() -> list[str]:
        before = Before(None)
        task = asyncio.ensure_future(_turns(20))
        left = await before.left()
        assert task.done()
        return left

    assert run_on("simulated", main()) == []


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_tasks_threads_and_descriptors_are_named() -> None:
    async def main() -> tuple[list[str], list[str]]:
        before = Before(0.01)
        hold = threading.Event()
        thread = threading.Thread(target=hold.wait, args=[PATIENCE], name="busy")  # noqa: TID251 - as above
        thread.start()
        ends = socket.socketpair()
        task = asyncio.ensure_future(asyncio.sleep(PATIENCE), loop=asyncio.get_running_loop())
        task.set_name("sleeper")
        try:
            return await before.left(), await before.left(tasks_only=True)
        finally:
            task.cancel()
            hold.set()
            thread.join()
            for end in ends:
                end.close()

    left, tasks = asyncio.run(main())
    assert tasks == ["the task sleeper (sleep)"]
    assert left[:2] == [*tasks, "the thread busy"]
    assert len(left) == 4
    assert all(name.startswith("the descriptor of socket:") for name in left[2:])


def test_open_files_are_counted_by_what_they_are() -> None:
    before = open_files()
    with open(__file__) as first, open(__file__) as second:
        assert first.name == second.name
        assert list((open_files() - before).values()) == [2]
    assert not open_files() - before


@pytest.mark.parametrize("clock", ["simulated", "real"])
def test_a_condition_that_never_holds_is_given_up(clock: str) -> None:
    async def main() -> bool:
        return await eventually(lambda: False, None if clock == "simulated" else 0.01)

    assert run_on(clock, main()) is False  # type: ignore[arg-type]  # a clock's name


def test_a_condition_that_a_thread_brings_about_is_waited_for() -> None:
    async def main() -> bool:
        done = threading.Event()
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=done.set)  # noqa: TID251 - as above
        loop.call_soon(thread.start)
        return await eventually(done.is_set, PATIENCE)

    assert asyncio.run(main())
