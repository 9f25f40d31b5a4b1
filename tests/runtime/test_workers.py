from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
import traceback
from typing import Any

import pytest

from tests.support.workers import PATIENCE, Stuck, failing, lose_a_thread, pool, until
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import VoicepipeError
from voicepipe.runtime.workers import MAX_QUEUED, ThreadWorkers, make_workers


def test_no_thread_is_started_before_it_is_needed() -> None:
    with pool() as workers:
        assert workers.statistics().threads == 0


def test_a_call_runs_in_another_thread_that_is_a_daemon() -> None:
    async def main() -> None:
        with pool() as workers:
            thread = await workers.call(threading.current_thread)
            assert thread is not threading.current_thread()
            assert thread.daemon

    asyncio.run(main())


def test_an_idle_thread_is_used_again() -> None:
    async def main() -> None:
        with pool() as workers:
            first = await workers.call(threading.get_ident)
            await until(lambda: workers.statistics().idle == 1)
            assert await workers.call(threading.get_ident) == first
            assert workers.statistics().threads == 1

    asyncio.run(main())


def test_as_many_jobs_as_threads_run_at_once() -> None:
    async def main() -> None:
        meeting = threading.Barrier(3)
        with pool(size=3) as workers:
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(workers.call(lambda: meeting.wait(PATIENCE)))
            assert workers.statistics().threads == 3

    asyncio.run(main())


def test_more_jobs_than_threads_wait_and_are_all_done() -> None:
    async def main() -> list[int]:
        with pool(size=2) as workers:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(workers.call(lambda n=n: n * n)) for n in range(50)]
            assert workers.statistics().threads <= 2
            return [task.result() for task in tasks]

    assert asyncio.run(main()) == [n * n for n in range(50)]


def test_an_exception_comes_back_with_the_traceback_of_where_it_was_raised() -> None:
    async def main() -> None:
        with pool() as workers, pytest.raises(LookupError, match="no such thing") as caught:
            await workers.call(failing)
        assert "failing" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]

    asyncio.run(main())


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
@pytest.mark.parametrize("clock", ["real", "simulated"])
def test_a_tool_that_exits_ends_its_call_and_not_the_process(clock: Any, error: BaseException) -> None:
    def leave() -> None:
        raise error

    async def main() -> None:
        workers = make_workers(Clock())
        with pytest.raises(RuntimeError, match=type(error).__name__) as caught:
            await workers.call(leave)
        assert caught.value.__cause__ is error
        workers.close()

    run_on(clock, main())


def test_a_timeout_of_the_job_itself_is_its_own_error() -> None:
    def impatient() -> None:
        raise TimeoutError("the server was slow")

    async def main() -> None:
        with pool() as workers:
            with pytest.raises(TimeoutError, match="the server was slow"):
                await workers.call(impatient, deadline_ns=PATIENCE * SECOND)
            assert workers.statistics().timed_out == 0

    asyncio.run(main())


def test_a_job_past_its_deadline_is_abandoned_and_another_thread_takes_its_place() -> None:
    async def main() -> None:
        with pool(size=1, spare=1) as workers:
            hanging = await lose_a_thread(workers)
            assert await workers.call(lambda: "next") == "next"
            statistics = workers.statistics()
            assert (statistics.threads, statistics.lost) == (2, 1)
            assert statistics.timed_out >= 1
            hanging.let_go()
            await until(lambda: workers.statistics().threads == 1)
            assert workers.statistics().lost == 0

    asyncio.run(main())


def test_a_job_whose_deadline_passes_in_the_queue_never_runs() -> None:
    async def main() -> None:
        with pool(size=1, spare=0) as workers:
            first = Stuck()
            running = asyncio.ensure_future(workers.call(first))
            await first.begun.wait()
            ran: list[str] = []
            with pytest.raises(TimeoutError):
                await workers.call(lambda: ran.append("second"), deadline_ns=1 * MS)
            assert workers.statistics().queued == 0
            first.let_go()
            assert await running == "late"
            await workers.call(lambda: ran.append("third"))
            assert ran == ["third"]

    asyncio.run(main())


def test_when_all_threads_are_lost_jobs_fail_at_once_with_a_remedy() -> None:
    async def main() -> None:
        with pool(size=1, spare=1) as workers:
            hanging = [await lose_a_thread(workers), await lose_a_thread(workers)]
            with pytest.raises(VoicepipeError, match="all 2 worker threads hang") as caught:
                await workers.call(lambda: None)
            assert caught.value.hint
            for job in hanging:
                job.let_go()
            await until(lambda: workers.statistics().lost == 0)
            assert await workers.call(lambda: "well again") == "well again"

    asyncio.run(main())


def test_what_is_queued_fails_when_the_last_thread_is_lost() -> None:
    async def main() -> None:
        with pool(size=1, spare=0, grace_ns=1 * MS) as workers:
            hanging = Stuck()
            running = asyncio.ensure_future(workers.call(hanging))
            await hanging.begun.wait()
            queued = asyncio.ensure_future(workers.call(lambda: None))
            await until(lambda: workers.statistics().queued == 1)
            running.cancel()
            with pytest.raises(VoicepipeError, match="worker threads hang"):
                await queued
            hanging.let_go()

    asyncio.run(main())


def test_too_many_waiting_jobs_are_refused() -> None:
    async def main() -> None:
        with pool(size=1) as workers:
            first = Stuck()
            async with asyncio.TaskGroup() as group:
                group.create_task(workers.call(first))
                await first.begun.wait()
                for _ in range(MAX_QUEUED):
                    group.create_task(workers.call(lambda: None))
                await until(lambda: workers.statistics().queued == MAX_QUEUED)
                with pytest.raises(VoicepipeError, match=f"{MAX_QUEUED} jobs wait"):
                    await workers.call(lambda: None)
                first.let_go()

    asyncio.run(main())


def test_a_cancelled_caller_takes_its_queued_job_along() -> None:
    async def main() -> None:
        with pool(size=1) as workers:
            first = Stuck()
            running = asyncio.ensure_future(workers.call(first))
            await first.begun.wait()
            ran: list[str] = []
            queued = asyncio.ensure_future(workers.call(lambda: ran.append("second")))
            await until(lambda: workers.statistics().queued == 1)
            queued.cancel()
            with pytest.raises(asyncio.CancelledError):
                await queued
            assert workers.statistics().queued == 0
            first.let_go()
            await running
            assert ran == []

    asyncio.run(main())


def test_a_running_job_of_a_cancelled_caller_is_lost_after_a_grace() -> None:
    async def main() -> None:
        with pool(size=1, spare=1, grace_ns=1 * MS) as workers:
            hanging = Stuck()
            running = asyncio.ensure_future(workers.call(hanging))
            await hanging.begun.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert await workers.call(lambda: "next") == "next"
            assert workers.statistics().lost == 1
            hanging.let_go()
            await until(lambda: workers.statistics().lost == 0)

    asyncio.run(main())


def test_closed_workers_refuse_jobs_and_fail_queued_ones() -> None:
    async def main() -> None:
        workers = ThreadWorkers(size=1)
        first = Stuck()
        running = asyncio.ensure_future(workers.call(first))
        await first.begun.wait()
        queued = asyncio.ensure_future(workers.call(lambda: None))
        await until(lambda: workers.statistics().queued == 1)
        workers.close()
        with pytest.raises(RuntimeError, match="closed"):
            await queued
        with pytest.raises(RuntimeError, match="closed"):
            await workers.call(lambda: None)
        first.let_go()
        assert await running == "late"
        await until(lambda: workers.statistics().threads == 0)

    asyncio.run(main())


def test_an_answer_for_a_closed_loop_is_dropped_and_the_thread_lives_on() -> None:
    go = threading.Event()
    with pool(size=1) as workers:

        async def leave() -> None:
            begun = asyncio.Event()
            loop = asyncio.get_running_loop()

            def job() -> None:
                loop.call_soon_threadsafe(begun.set)
                assert go.wait(PATIENCE)

            task = asyncio.ensure_future(workers.call(job))
            await begun.wait()
            task.cancel()

        asyncio.run(leave())
        go.set()

        async def come_back() -> str:
            return await workers.call(lambda: "still here")

        assert asyncio.run(come_back()) == "still here"


def test_a_process_with_a_hanging_job_ends() -> None:
    script = """
        import asyncio, threading
        from voicepipe.runtime.workers import ThreadWorkers

        async def main():
            try:
                await ThreadWorkers().call(threading.Event().wait, deadline_ns=1_000_000)
            except TimeoutError:
                print("abandoned")

        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "abandoned\n", "")


def test_what_a_job_holds_is_given_up_on_the_loop_and_not_in_its_thread() -> None:
    class Engine:
        def __del__(self) -> None:
            ended_in.append(threading.get_ident())

        def close(self) -> None: ...

    ended_in: list[int] = []

    async def close_engines() -> None:
        workers = ThreadWorkers()
        for _ in range(500):
            await workers.call(Engine().close)
        workers.close()

    asyncio.run(close_engines())
    assert ended_in == [threading.get_ident()] * 500
