"""Control that is obeyed at once, and control that is waited for while the data waits."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.inboxes import live, opened, rest, simulated, words
from voicepipe.core.frames import Control, Gain, Interrupt
from voicepipe.core.turns import Turns


def test_control_is_obeyed_in_the_step_in_which_it_is_sent_and_still_read() -> None:
    async def main() -> None:
        inbox = opened()
        obeyed: list[Control] = []
        inbox.obey(obeyed.append)
        control = Interrupt(turn=1)
        inbox.send_control(control)
        assert obeyed == [control]
        assert await rest(inbox) == [control]

    simulated(main())


def test_what_was_sent_before_the_reader_began_is_obeyed_then() -> None:
    async def main() -> None:
        inbox = opened()
        first, second = Gain(turn=1, db=-15.0), Interrupt(turn=1)
        inbox.send_control(first)
        inbox.send_control(second)
        obeyed: list[Control] = []
        inbox.obey(obeyed.append)
        assert obeyed == [first, second]

    simulated(main())


def test_a_reader_that_waits_for_something_else_is_not_woken_but_obeys() -> None:
    async def main() -> None:
        inbox = opened()
        obeyed: list[Control] = []
        gate = asyncio.Event()

        async def reader() -> None:
            inbox.obey(obeyed.append)
            await gate.wait()

        reading = asyncio.ensure_future(reader())
        await asyncio.sleep(0)
        inbox.send_control(Interrupt(turn=1))
        assert len(obeyed) == 1
        assert not reading.done()
        gate.set()
        await reading

    simulated(main())


def test_a_reader_that_has_left_obeys_nothing() -> None:
    async def main() -> None:
        inbox = opened()
        obeyed: list[Control] = []
        inbox.obey(obeyed.append)
        inbox.leave()
        inbox.send_control(Interrupt(turn=1))
        assert obeyed == []

    simulated(main())


def test_control_can_be_awaited_while_the_data_waits() -> None:
    async def main() -> None:
        turns = Turns()
        inbox = opened(turns)
        frame = words("hello", live(turns))
        await inbox.put(frame)
        waiting = asyncio.ensure_future(inbox.control())
        await asyncio.sleep(0)
        assert not waiting.done()
        control: Any = Gain(turn=1, db=-15.0)
        inbox.send_control(control)
        assert await waiting is control
        assert await rest(inbox) == [frame]

    simulated(main())


def test_nobody_waits_for_control_after_the_last_writer_has_left() -> None:
    async def main() -> None:
        inbox = opened()
        inbox.send_control(Interrupt(turn=1))
        waiting = asyncio.ensure_future(inbox.control())
        await asyncio.sleep(0)
        assert waiting.done(), "what was sent comes first"
        waiting = asyncio.ensure_future(inbox.control())
        await asyncio.sleep(0)
        inbox.close()
        assert await waiting is None
        assert await inbox.control() is None

    simulated(main())
