from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.workers import PATIENCE, Stuck, failing, pool
from voicepipe.core.clock import Clock, run_on
from voicepipe.runtime.workers import InlineWorkers, make_workers


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
