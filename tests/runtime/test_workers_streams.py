from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from tests.support.workers import Stuck, failing, pool, until
from voicepipe.core.calls import Emit
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.units import MS
from voicepipe.runtime.workers import STREAM_DEPTH, make_workers


def counting(count: int) -> Callable[[Emit[int]], None]:
    def fn(emit: Emit[int]) -> None:
        for n in range(count):
            if not emit(n):
                return

    return fn


@pytest.mark.parametrize("clock", ["real", "simulated", "charged"])
def test_a_stream_yields_all_that_was_emitted_in_order(clock: Any) -> None:
    async def main() -> list[int]:
        workers = make_workers(Clock())
        items = [item async for item in workers.stream(counting(100))]
        workers.close()
        return items

    assert run_on(clock, main()) == list(range(100))


@pytest.mark.parametrize("clock", ["real", "simulated", "charged"])
def test_a_streams_exception_comes_after_what_it_emitted(clock: Any) -> None:
    def fn(emit: Emit[str]) -> None:
        emit("a")
        emit("b")
        failing()

    async def main() -> list[str]:
        workers = make_workers(Clock())
        stream = workers.stream(fn)
        items = [await anext(stream), await anext(stream)]
        with pytest.raises(LookupError, match="no such thing"):
            await anext(stream)
        workers.close()
        return items

    assert run_on(clock, main()) == ["a", "b"]


def test_emit_waits_while_nobody_reads() -> None:
    async def main() -> None:
        with pool() as workers:
            emitted: list[int] = []
            full = threading.Event()

            def fn(emit: Emit[int]) -> None:
                for n in range(STREAM_DEPTH * 3):
                    if n == STREAM_DEPTH + 1:
                        full.set()
                    emit(n)
                    emitted.append(n)

            async with aclosing(workers.stream(fn)) as stream:
                assert await anext(stream) == 0
                await until(full.is_set)
                assert len(emitted) == STREAM_DEPTH + 1
                assert [n async for n in stream] == list(range(1, STREAM_DEPTH * 3))

    asyncio.run(main())


def test_closing_a_stream_makes_a_blocked_emit_return_false() -> None:
    async def main() -> None:
        with pool() as workers:
            answers: list[bool] = []

            def fn(emit: Emit[int]) -> None:
                while not answers or answers[-1]:
                    answers.append(emit(0))

            async with aclosing(workers.stream(fn)) as stream:
                await anext(stream)
            await until(lambda: workers.statistics().finished == 1)
            assert answers[-1] is False
            assert len(answers) <= STREAM_DEPTH + 2

    asyncio.run(main())


def test_cancelling_a_streams_reader_makes_emit_return_false() -> None:
    async def main() -> None:
        with pool() as workers:
            hanging = Stuck()
            answers: list[bool] = []

            def fn(emit: Emit[int]) -> None:
                hanging()
                answers.append(emit(0))

            async def read() -> None:
                async with aclosing(workers.stream(fn)) as stream:
                    async for _ in stream:
                        pytest.fail("nothing was emitted while somebody listened")

            reader = asyncio.ensure_future(read())
            await hanging.begun.wait()
            reader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader
            hanging.let_go()
            await until(lambda: workers.statistics().finished == 1)
            assert answers == [False]

    asyncio.run(main())


def test_a_stream_that_hangs_after_its_reader_left_is_lost() -> None:
    async def main() -> None:
        with pool(size=1, spare=1, grace_ns=1 * MS) as workers:
            hanging = Stuck()

            def fn(emit: Emit[int]) -> None:
                emit(1)
                hanging()

            async with aclosing(workers.stream(fn)) as stream:
                assert await anext(stream) == 1
            assert await workers.call(lambda: "next") == "next"
            assert workers.statistics().lost == 1
            hanging.let_go()

    asyncio.run(main())
