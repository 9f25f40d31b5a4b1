from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.support.media_line import LineEnd, a_line
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import AudioIn
from voicepipe.core.inbox import CAPACITY, Inbox, Outlet
from voicepipe.core.turns import Turns
from voicepipe.testing.media_stream_caller import MediaStreamCaller
from voicepipe.transports.media_stream import MediaStream

FRAME = 160


def test_what_piled_up_while_the_network_stood_still_is_heard_to_the_last_frame() -> None:
    async def main() -> list[int]:
        clock = Clock()
        agent, carrier = a_line(clock)
        caller = MediaStreamCaller(carrier, clock)
        caller.begin()
        stream = await MediaStream.begin(agent)
        for _ in range(3 * CAPACITY):
            caller.say(bytes(FRAME))
        caller.stop()
        inbox: Inbox[Any] = Inbox("vad", Turns())
        out: Outlet[Any] = Outlet("caller", {AudioIn: (inbox,)}, live=True)

        async def hear() -> None:
            await stream.ends(clock).caller.run(out, None)  # type: ignore[arg-type] # it asks nothing of it
            out.close()

        async with asyncio.TaskGroup() as group:
            group.create_task(hear())
            return [frame.position async for frame in inbox]

    assert run_on("simulated", main()) == [number * FRAME for number in range(3 * CAPACITY)]


def test_what_a_connection_hands_over_behind_stop_isnt_heard() -> None:
    class AtOnce(LineEnd):
        """Hands over all that has come, in one step."""

        def listen(self, take: Callable[[bytes], None], stop: Callable[[], None]) -> bool:
            for message in self._arrived:
                assert isinstance(message, bytes)
                take(message)
            return True

        def unlisten(self) -> None:
            self._arrived.clear()

    async def main() -> list[int]:
        clock = Clock()
        agent, carrier = AtOnce(clock), LineEnd(clock)
        carrier.other = agent
        caller = MediaStreamCaller(carrier, clock)
        caller.begin()
        stream = await MediaStream.begin(agent)
        caller.say(bytes(FRAME))
        caller.stop()
        caller.say(bytes(FRAME))
        heard: list[int] = []

        class Out:
            def offer(self, frame: AudioIn) -> None:
                heard.append(frame.position)

        hearing = stream.ends(clock).caller
        await hearing.run(Out(), None)  # type: ignore[arg-type] # neither needs more than it has
        assert (hearing.stopped, hearing.malformed) == (True, 0)
        return heard

    assert run_on("simulated", main()) == [0]
