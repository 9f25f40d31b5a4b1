from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from gc import collect
from typing import Any
from weakref import ref

from voicepipe.core.clock import run_on
from voicepipe.transports.media_stream_rounds import SPAN_S, Rounds, rounds_of

MS = 0.001


def played(
    scene: Callable[[Rounds, Callable[[str], None]], Coroutine[Any, Any, None]],
) -> list[tuple[str, float]]:
    """What the scene tells, each with the loop's time in ms since it began."""
    told: list[tuple[str, float]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await scene(rounds_of(loop), lambda what: told.append((what, round((loop.time() - begun) / MS, 3))))

    run_on("simulated", main())
    return told


def test_who_comes_alone_waits_for_nobody() -> None:
    async def scene(rounds: Rounds, tell: Callable[[str], None]) -> None:
        for _ in range(3):
            assert rounds.alone()
            await asyncio.sleep(2 * SPAN_S)

    assert played(scene) == []


def test_who_comes_soon_after_waits_for_the_next_round_and_is_served_in_order() -> None:
    async def scene(rounds: Rounds, tell: Callable[[str], None]) -> None:
        assert rounds.alone()
        for name in ("a", "b", "c"):
            await asyncio.sleep(SPAN_S / 4)
            assert not rounds.alone()
            rounds.join(lambda name=name: tell(name))
        await asyncio.sleep(SPAN_S)
        assert not rounds.alone(), "that was a round, too"
        rounds.join(lambda: tell("d"))
        await asyncio.sleep(2 * SPAN_S)
        assert rounds.alone()

    assert played(scene) == [("a", 4.0), ("b", 4.0), ("c", 4.0), ("d", 8.0)]


def test_one_that_fails_is_told_of_and_holds_up_nobody() -> None:
    failures: list[Any] = []

    async def scene(rounds: Rounds, tell: Callable[[str], None]) -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: failures.append(context["exception"])
        )
        assert rounds.alone()
        rounds.join(lambda: [][0])
        rounds.join(lambda: tell("the next one"))
        await asyncio.sleep(2 * SPAN_S)

    assert played(scene) == [("the next one", 4.0)]
    assert [type(failure) for failure in failures] == [IndexError]


def test_a_loop_has_its_own_rounds_which_everybody_on_it_shares() -> None:
    found: list[Rounds] = []

    async def scene(rounds: Rounds, tell: Callable[[str], None]) -> None:
        assert rounds_of(asyncio.get_running_loop()) is rounds
        found.append(rounds)

    played(scene)
    played(scene)
    assert found[0] is not found[1]


def test_rounds_keep_no_loop_that_is_over() -> None:
    loop = asyncio.new_event_loop()
    rounds_of(loop)
    loop.close()
    gone = ref(loop)
    del loop
    collect()
    assert gone() is None
