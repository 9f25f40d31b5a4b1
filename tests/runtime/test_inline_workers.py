from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from typing import Literal

import pytest

from tests.support.workers import PATIENCE, failing
from voicepipe.core.calls import Emit
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.units import MS, SECOND
from voicepipe.runtime.workers import InlineWorkers, make_workers


def test_on_the_simulated_clock_a_job_runs_inline_and_takes_its_declared_cost() -> None:
    async def main() -> tuple[int, bool]:
        clock = Clock()
        thread = await make_workers(clock).call(threading.current_thread, cost_ns=80 * MS)
        return clock.now(), thread is threading.current_thread()

    assert run_on("simulated", main()) == (80 * MS, True)


def test_an_exception_on_the_simulated_clock_comes_after_the_cost() -> None:
    async def main() -> int:
        clock = Clock()
        with pytest.raises(LookupError):
            await make_workers(clock).call(failing, cost_ns=5 * MS)
        return clock.now()

    assert run_on("simulated", main()) == 5 * MS


@pytest.mark.parametrize(("cost", "late"), [(99, False), (100, False), (101, True)])
def test_a_cost_beyond_the_deadline_is_a_timeout_at_the_deadline(cost: int, late: bool) -> None:
    async def main() -> tuple[bool, int]:
        clock = Clock()
        try:
            await make_workers(clock).call(lambda: None, deadline_ns=100 * MS, cost_ns=cost * MS)
        except TimeoutError:
            return True, clock.now()
        return False, clock.now()

    assert run_on("simulated", main()) == (late, min(cost, 100) * MS)


def test_on_the_charged_clock_a_job_past_its_deadline_is_a_timeout() -> None:
    async def main() -> None:
        workers = make_workers(Clock())
        assert (
            await workers.call(lambda: "soon", deadline_ns=PATIENCE * SECOND, cost_ns=SECOND * 99) == "soon"
        )
        with pytest.raises(TimeoutError):
            await workers.call(lambda: "late", deadline_ns=0)

    run_on("charged", main())


@pytest.mark.parametrize("clock", ["simulated", "charged"])
def test_a_job_that_never_comes_back_is_abandoned_at_its_deadline(
    clock: Literal["simulated", "charged"],
) -> None:
    async def main() -> int:
        began, never = Clock(), threading.Event()
        with pytest.raises(TimeoutError, match="no answer within 20ms"):
            await InlineWorkers(clock, least_ns=MS).call(never.wait, deadline_ns=20 * MS)
        assert await InlineWorkers(clock).call(lambda: "next", deadline_ns=PATIENCE * SECOND) == "next"
        never.set()
        return began.now()

    took = run_on(clock, main())
    assert took == 20 * MS if clock == "simulated" else took >= 20 * MS


def test_a_virtual_stream_is_made_only_as_far_as_it_is_read() -> None:
    async def main() -> None:
        made: list[int] = []
        ended: list[str] = []

        def fn(emit: Emit[int]) -> None:
            for n in range(10):
                made.append(n)
                if not emit(n):
                    break
            ended.append("the consumer left")

        async with aclosing(InlineWorkers("simulated").stream(fn)) as stream:
            assert await anext(stream) == 0
            await asyncio.sleep(60)
            assert made == [0]
            assert await anext(stream) == 1
        assert (made, ended) == ([0, 1], ["the consumer left"])

    run_on("simulated", main())


def test_a_virtual_stream_that_ignores_that_nobody_listens_still_ends() -> None:
    async def main() -> None:
        answers: list[bool] = []

        def stubborn(emit: Emit[int]) -> None:
            answers.extend(emit(n) for n in range(5))

        async with aclosing(InlineWorkers("simulated").stream(stubborn)) as stream:
            await anext(stream)
        assert answers == [False] * 5

    run_on("simulated", main())
