from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from voicepipe.core.calls import Emit
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import VoicepipeError
from voicepipe.runtime import workers as module
from voicepipe.runtime.workers import STREAM_DEPTH, InlineWorkers, ThreadWorkers, make_workers

PATIENCE = 30
"""Seconds after which a rendezvous that failed ends the test; never waited for when all is well."""


@contextlib.contextmanager
def pool(*args: Any, **kwargs: Any) -> Iterator[ThreadWorkers]:
    workers = ThreadWorkers(*args, **kwargs)
    try:
        yield workers
    finally:
        workers.close()


class Stuck:
    """A job that hangs until it is let go, and the news that it has begun."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()
        self._go = threading.Event()

    def __call__(self) -> str:
        self.loop.call_soon_threadsafe(self.begun.set)
        assert self._go.wait(PATIENCE)
        return "late"

    def let_go(self) -> None:
        self._go.set()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until a thread has got somewhere; it is about to, so this isn't a wait."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - threads can't set an event of this loop by themselves
            await asyncio.sleep(0)


def failing() -> None:
    raise LookupError("no such thing")


# ── threads: calls ───────────────────────────────────────────────────────────────────────────────


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
            await until(lambda: workers.statistics().finished == 1)
            assert await workers.call(threading.get_ident) == first or workers.statistics().threads == 2

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
            hanging = Stuck()
            with pytest.raises(TimeoutError, match="no answer within 1ms"):
                await workers.call(hanging, deadline_ns=1 * MS)
            assert await workers.call(lambda: "next") == "next"
            statistics = workers.statistics()
            assert (statistics.threads, statistics.lost, statistics.timed_out) == (2, 1, 1)
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
            hanging = [Stuck(), Stuck()]
            for job in hanging:
                with pytest.raises(TimeoutError):
                    await workers.call(job, deadline_ns=1 * MS)
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
        with pool(size=1, spare=0) as workers:
            hanging = Stuck()
            lost = asyncio.ensure_future(workers.call(hanging, deadline_ns=20 * MS))
            await hanging.begun.wait()
            with pytest.raises(VoicepipeError, match="worker threads hang"):
                await workers.call(lambda: None)
            with pytest.raises(TimeoutError):
                await lost
            hanging.let_go()

    asyncio.run(main())


def test_too_many_waiting_jobs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUEUED", 1)

    async def main() -> None:
        with pool(size=1) as workers:
            first = Stuck()
            async with asyncio.TaskGroup() as group:
                group.create_task(workers.call(first))
                await first.begun.wait()
                group.create_task(workers.call(lambda: None))
                await until(lambda: workers.statistics().queued == 1)
                with pytest.raises(VoicepipeError, match="1 jobs wait"):
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


# ── threads: streams ─────────────────────────────────────────────────────────────────────────────


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


# ── batches, on any clock ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("clock", ["real", "simulated", "charged"])
def test_what_waits_goes_to_the_model_in_one_piece_up_to_the_maximum(clock: Any) -> None:
    sizes: list[int] = []

    def double(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        return [2 * item for item in items]

    async def main() -> list[int]:
        workers = make_workers(Clock())
        batcher = workers.batcher(double, max_batch=4)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(batcher.submit(n)) for n in range(10)]
        workers.close()
        return [task.result() for task in tasks]

    assert run_on(clock, main()) == [2 * n for n in range(10)]
    assert sizes == [4, 4, 2]


def test_what_comes_while_the_model_is_busy_is_its_next_batch() -> None:
    async def main() -> None:
        with pool() as workers:
            first = Stuck()
            batches: list[list[str]] = []

            def model(items: Sequence[str]) -> list[str]:
                batches.append(list(items))
                if len(batches) == 1:
                    first()
                return [item.upper() for item in items]

            batcher = workers.batcher(model, max_batch=8)
            async with asyncio.TaskGroup() as group:
                group.create_task(batcher.submit("a"))
                await first.begun.wait()
                late = [group.create_task(batcher.submit(item)) for item in "bcd"]
                await asyncio.sleep(0)
                first.let_go()
            assert batches == [["a"], ["b", "c", "d"]]
            assert [task.result() for task in late] == ["B", "C", "D"]

    asyncio.run(main())


@pytest.mark.parametrize("clock", ["real", "simulated"])
def test_an_exception_fails_the_items_of_its_batch_only(clock: Any) -> None:
    def model(items: Sequence[int]) -> list[int]:
        if 1 in items:
            failing()
        return list(items)

    async def main() -> list[Any]:
        workers = make_workers(Clock())
        batcher = workers.batcher(model, max_batch=2)
        tasks = [asyncio.ensure_future(batcher.submit(n)) for n in range(4)]
        await asyncio.wait(tasks)
        workers.close()
        return [type(task.exception()) if task.exception() else task.result() for task in tasks]

    assert run_on(clock, main()) == [LookupError, LookupError, 2, 3]


def test_an_item_whose_caller_left_is_skipped() -> None:
    seen: list[int] = []

    def model(items: Sequence[int]) -> list[int]:
        seen.extend(items)
        return list(items)

    async def main() -> None:
        batcher = InlineWorkers("simulated").batcher(model, max_batch=8)
        tasks = [asyncio.ensure_future(batcher.submit(n)) for n in range(3)]
        asyncio.get_running_loop().call_soon(tasks[1].cancel)
        await asyncio.wait(tasks)
        assert tasks[1].cancelled()

    run_on("simulated", main())
    assert seen == [0, 2]


def test_a_model_that_answers_for_too_few_items_is_an_error_for_all_of_them() -> None:
    async def main() -> None:
        batcher = InlineWorkers("simulated").batcher(lambda items: [1], max_batch=8)
        tasks = [asyncio.ensure_future(batcher.submit(n)) for n in range(2)]
        await asyncio.wait(tasks)
        assert ["2 items gave 1 results" in str(task.exception()) for task in tasks] == [True, True]

    run_on("simulated", main())


def test_a_batcher_serves_again_after_its_loop_was_closed_in_the_middle() -> None:
    with pool() as workers:
        go = threading.Event()

        def model(items: Sequence[str]) -> list[str]:
            assert go.wait(PATIENCE)
            return list(items)

        batcher = workers.batcher(model, max_batch=8)

        async def leave() -> None:
            waiting = asyncio.ensure_future(batcher.submit("lost"))
            await asyncio.sleep(0)
            assert not waiting.done()

        asyncio.run(leave())
        go.set()
        assert asyncio.run(batcher.submit("found")) == "found"


# ── the virtual clocks ───────────────────────────────────────────────────────────────────────────


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
