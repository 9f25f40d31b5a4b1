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


def test_more_than_the_most_are_run_in_turns_of_the_loop_between_which_others_have_theirs() -> None:
    async def main() -> list[list[int] | str]:
        runs: list[list[int] | str] = []
        together: Together[int] = Together(lambda items: runs.append(list(items)), most=2)
        for item in range(5):
            together.add(item)
        for _ in range(3):
            await asyncio.sleep(0)
            runs.append("another")
        return runs

    assert run_on("simulated", main()) == [[0, 1], "another", [2, 3], "another", [4], "another"]


def test_what_is_flushed_early_is_the_first_of_what_waits_and_the_rest_has_its_turn() -> None:
    async def main() -> list[list[int]]:
        runs: list[list[int]] = []
        together: Together[int] = Together(lambda items: runs.append(list(items)), most=2)
        for item in range(3):
            together.add(item)
        assert together.flush()
        assert runs == [[0, 1]]
        await asyncio.sleep(0)
        assert not together.flush()
        return runs

    assert run_on("simulated", main()) == [[0, 1], [2]]


def test_the_rest_is_run_also_when_a_run_raises() -> None:
    async def main() -> list[list[int]]:
        runs: list[list[int]] = []
        raised: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, told: raised.append(told["exception"]))

        def run(items: Sequence[int]) -> None:
            runs.append(list(items))
            if items[0] == 0:
                raise ValueError

        together: Together[int] = Together(run, most=1)
        together.add(0)
        together.add(1)
        for _ in range(2):
            await asyncio.sleep(0)
        assert [type(error) for error in raised] == [ValueError]
        return runs

    assert run_on("simulated", main()) == [[0], [1]]


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
