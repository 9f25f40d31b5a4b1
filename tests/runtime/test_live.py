from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.call import Caller, Held
from tests.support.stages import settle
from voicepipe.core.beside import Beside
from voicepipe.core.clock import run_on
from voicepipe.core.records import TurnEnded
from voicepipe.core.units import SECOND
from voicepipe.errors import AudioError
from voicepipe.runtime.live import events


async def asking(caller: Caller) -> None:
    await caller.ask("hi")


async def nothing_is_left() -> bool:
    await settle()
    return asyncio.all_tasks() == {asyncio.current_task()}


def test_a_call_is_held_while_its_events_are_read() -> None:
    async def main() -> None:
        held = Held(["Hello."])
        seen = [event async for event in events(held.session, Caller(asking), held.speaker, Beside())]
        assert seen == held.events
        assert TurnEnded in [type(event) for _, event in seen]
        assert await nothing_is_left()

    run_on("simulated", main())


def test_a_slow_reader_gets_every_event_and_does_not_hold_up_the_call() -> None:
    async def main() -> None:
        held = Held(["Hello."])
        seen: list[Any] = []
        async for event in events(held.session, Caller(asking), held.speaker, Beside()):
            await held.session.clock.sleep(10 * SECOND)
            seen.append(event)
        assert seen == held.events
        assert held.events[-1][0] < 10 * SECOND

    run_on("simulated", main())


def test_leaving_the_iteration_early_ends_the_call() -> None:
    async def main() -> None:
        held = Held(["Hello."])
        stream = events(held.session, Caller(asking), held.speaker, Beside())
        await anext(stream)
        await stream.aclose()
        assert await nothing_is_left()

    run_on("simulated", main())


def test_what_ended_the_call_is_raised_behind_the_last_event() -> None:
    async def unplugged(caller: Caller) -> None:
        await caller.say("hi")
        raise AudioError("the microphone has gone")

    async def main() -> None:
        held = Held()
        seen: list[Any] = []

        async def read() -> None:
            async for event in events(held.session, Caller(unplugged), held.speaker, Beside()):
                seen.append(event)

        with pytest.raises(AudioError, match="the microphone has gone"):
            await read()
        assert seen == held.events != []
        assert await nothing_is_left()

    run_on("simulated", main())
