from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from voicepipe.core.clock import Clock, run_on
from voicepipe.core.turns import Turns
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError


def live_turn(turns: Turns) -> int:
    turns.prepare()
    return turns.commit()


async def for_ever() -> None:
    await asyncio.get_running_loop().create_future()


def test_the_body_of_a_turn_that_dies_is_cut_short_and_the_task_goes_on() -> None:
    async def main() -> None:
        turns = Turns()
        live = live_turn(turns)
        asyncio.get_running_loop().call_later(1, turns.interrupt)
        async with turns.scope(live) as turn:
            await for_ever()
        assert turn.died
        await asyncio.sleep(1)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run_on("simulated", main())


def test_a_body_that_ends_before_its_turn_is_left_alone() -> None:
    async def main() -> None:
        turns = Turns()
        live = live_turn(turns)
        async with turns.scope(live) as turn:
            await asyncio.sleep(1)
        turns.interrupt()
        await asyncio.sleep(1)
        assert not turn.died

    run_on("simulated", main())


def test_a_commit_does_not_touch_the_scope_of_the_draft() -> None:
    async def main() -> None:
        turns = Turns()
        draft = turns.prepare()
        asyncio.get_running_loop().call_later(1, turns.commit)
        async with turns.scope(draft) as turn:
            await asyncio.sleep(2)
        assert not turn.died

    run_on("simulated", main())


def test_all_scopes_of_a_turn_are_cancelled_in_the_order_in_which_they_were_entered() -> None:
    async def main() -> list[int]:
        turns = Turns()
        live = live_turn(turns)
        ended: list[int] = []

        async def body(n: int) -> None:
            async with turns.scope(live):
                await for_ever()
            ended.append(n)

        async with asyncio.TaskGroup() as group:
            for n in range(50):
                group.create_task(body(n))
            await asyncio.sleep(1)
            turns.interrupt()
        return ended

    assert run_on("simulated", main()) == list(range(50))


def test_a_task_that_ends_its_own_turn_inside_its_scope_is_not_cancelled_outside_of_it() -> None:
    async def main() -> None:
        turns = Turns()
        live = live_turn(turns)
        async with turns.scope(live) as turn:
            turns.interrupt()
        await asyncio.sleep(0)  # where the cancellation leaked on 3.11
        assert turn.died

    run_on("simulated", main())


def test_a_task_that_ends_its_own_turn_is_cancelled_at_its_next_await() -> None:
    async def main() -> list[str]:
        turns = Turns()
        live = live_turn(turns)
        reached: list[str] = []
        async with turns.scope(live):
            turns.interrupt()
            reached.append("before")
            await asyncio.sleep(0)
            reached.append("after")
        return reached

    assert run_on("simulated", main()) == ["before"]


def test_an_error_in_the_step_in_which_the_turn_dies_surfaces_and_nothing_leaks() -> None:
    async def main() -> None:
        turns = Turns()
        live = live_turn(turns)

        async def body() -> None:
            async with turns.scope(live):
                turns.interrupt()
                raise LookupError

        with pytest.raises(LookupError):
            await body()
        await asyncio.sleep(0)

    run_on("simulated", main())


@pytest.mark.parametrize("own_first", [True, False])
def test_of_own_and_foreign_cancellation_at_once_the_foreign_one_wins(own_first: bool) -> None:
    async def main() -> None:
        turns = Turns()
        live = live_turn(turns)
        after: list[str] = []

        async def body() -> None:
            async with turns.scope(live):
                await for_ever()
            after.append("swallowed")

        task = asyncio.ensure_future(body())
        await asyncio.sleep(0)
        if own_first:
            turns.interrupt()
            task.cancel()
        else:
            task.cancel()
            turns.interrupt()
        await asyncio.wait([task])
        assert task.cancelled()
        assert after == []

    run_on("simulated", main())


def test_foreign_cancellation_wins_when_the_body_ends_in_the_same_step() -> None:
    async def main() -> None:
        turns = Turns()
        live = live_turn(turns)

        async def body() -> None:
            async with turns.scope(live):
                task.cancel()
                turns.interrupt()
            pytest.fail("the foreign cancellation was swallowed")

        task = asyncio.ensure_future(body())
        await asyncio.wait([task])
        assert task.cancelled()

    run_on("simulated", main())


def test_after_an_error_the_foreign_cancellation_still_comes() -> None:
    async def main() -> None:
        turns = Turns()
        live = live_turn(turns)
        caught: list[str] = []

        async def body() -> None:
            try:
                async with turns.scope(live):
                    task.cancel()
                    turns.interrupt()
                    raise LookupError
            except LookupError:
                caught.append("the error")
            await asyncio.sleep(0)
            pytest.fail("the foreign cancellation was swallowed")

        task = asyncio.ensure_future(body())
        await asyncio.wait([task])
        assert task.cancelled()
        assert caught == ["the error"]

    run_on("simulated", main())


def test_a_foreign_cancellation_alone_passes_through() -> None:
    async def main() -> None:
        turns = Turns()
        live = live_turn(turns)

        async def body() -> None:
            async with turns.scope(live):
                await for_ever()

        task = asyncio.ensure_future(body())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert turns.alive(live)

    run_on("simulated", main())


def test_a_time_out_around_a_scope_still_works() -> None:
    async def main() -> None:
        turns = Turns()
        live = live_turn(turns)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1), turns.scope(live):
                await for_ever()

    run_on("simulated", main())


def test_nested_scopes_of_one_turn_are_both_left() -> None:
    async def main() -> list[str]:
        turns = Turns()
        live = live_turn(turns)
        reached: list[str] = []
        asyncio.get_running_loop().call_later(1, turns.interrupt)
        async with turns.scope(live):
            async with turns.scope(live):
                await for_ever()
            reached.append("between the scopes")
        await asyncio.sleep(0)
        reached.append("outside")
        return reached

    assert run_on("simulated", main()) == ["outside"]


@pytest.mark.parametrize("in_a_child", [True, False])
@pytest.mark.parametrize("as_it_dies", [True, False])
def test_a_provider_error_in_a_task_group_in_a_turn_surfaces(in_a_child: bool, as_it_dies: bool) -> None:
    async def main() -> None:
        turns = Turns()
        live = live_turn(turns)

        async def request() -> None:
            await asyncio.sleep(1)
            if as_it_dies:
                turns.interrupt()
            raise ProviderError("went away", provider="sim", kind="connection")

        async def body() -> None:
            async with turns.scope(live), asyncio.TaskGroup() as group:
                if in_a_child:
                    group.create_task(request())
                    await for_ever()
                else:
                    await request()

        with pytest.raises(BaseExceptionGroup) as caught:
            await body()
        assert caught.group_contains(ProviderError)
        await asyncio.sleep(0)

    run_on("simulated", main())


def test_a_dying_turn_closes_the_providers_generator_at_once() -> None:
    async def main() -> None:
        clock = Clock()
        turns = Turns()
        live = live_turn(turns)
        closed: list[int] = []

        async def provider() -> AsyncGenerator[str, None]:
            try:
                while True:
                    yield "word"
                    await clock.sleep(20 * MS)
            finally:
                closed.append(clock.now())

        clock.call_at(50 * MS, turns.interrupt)
        async with turns.scope(live), aclosing(provider()) as words:
            async for _ in words:
                await clock.sleep(0)
        assert closed == [50 * MS]

    run_on("simulated", main())


def test_a_generator_is_closed_when_the_turn_dies_while_its_reader_is_elsewhere() -> None:
    async def main() -> None:
        turns = Turns()
        live = live_turn(turns)
        closed: list[str] = []

        async def provider() -> AsyncGenerator[str, None]:
            try:
                yield "word"
            finally:
                closed.append("closed")

        asyncio.get_running_loop().call_later(1, turns.interrupt)
        async with turns.scope(live), aclosing(provider()) as words:
            await anext(words)
            await for_ever()
        assert closed == ["closed"]

    run_on("simulated", main())


def test_the_scope_of_a_dead_turn_is_left_at_its_first_await() -> None:
    async def main() -> list[str]:
        turns = Turns()
        dead = live_turn(turns)
        turns.interrupt()
        reached: list[str] = []
        async with turns.scope(dead) as turn:
            await asyncio.sleep(0)
            reached.append("inside")
        assert turn.died
        await asyncio.sleep(0)
        return reached

    assert run_on("simulated", main()) == []


def test_a_scope_needs_a_task() -> None:
    turns = Turns()
    entering = turns.scope(live_turn(turns)).__aenter__()
    with pytest.raises(RuntimeError, match=r"in a task|no running event loop"):
        entering.send(None)
