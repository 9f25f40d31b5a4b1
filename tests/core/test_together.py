from __future__ import annotations

import asyncio
from collections.abc import Sequence

from voicepipe.core.clock import run_on
from voicepipe.core.together import Together


def test_what_comes_in_one_turn_of_the_loop_is_run_at_once_and_in_order() -> None:
    async def main() -> list[list[int]]:
        runs: list[list[int]] = []
        together: Together[int] = Together(lambda items: runs.append(list(items)), most=10)

        async def add(item: int) -> None:
            together.add(item)

        async with asyncio.TaskGroup() as group:
            for item in range(3):
                group.create_task(add(item))
        await asyncio.sleep(0)
        together.add(3)
        await asyncio.sleep(0)
        return runs

    assert run_on("simulated", main()) == [[0, 1, 2], [3]]


def test_more_than_the_most_are_run_in_several_goes() -> None:
    async def main() -> list[list[int]]:
        runs: list[list[int]] = []
        together: Together[int] = Together(lambda items: runs.append(list(items)), most=2)
        for item in range(5):
            together.add(item)
        await asyncio.sleep(0)
        return runs

    assert run_on("simulated", main()) == [[0, 1], [2, 3], [4]]


def test_what_was_flushed_is_not_run_again_and_what_comes_meanwhile_is_not_lost() -> None:
    async def main() -> list[list[int]]:
        runs: list[list[int]] = []

        def run(items: Sequence[int]) -> None:
            runs.append(list(items))
            if items[0] == 0:
                together.add(1)

        together: Together[int] = Together(run, most=10)
        together.add(0)
        together.flush()
        assert runs == [[0]]
        await asyncio.sleep(0)
        return runs

    assert run_on("simulated", main()) == [[0], [1]]
