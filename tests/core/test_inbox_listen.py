"""Audio that is handed to who waits for it, in the writer's step."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.inboxes import Log, audio, opened, rest, simulated, transcript
from voicepipe.core.frames import AudioIn, Gain
from voicepipe.core.inbox import Inbox


async def waiting(inbox: Inbox[Any]) -> asyncio.Future[Any]:
    reading = asyncio.ensure_future(anext(inbox))
    await asyncio.sleep(0)
    return reading


def test_audio_is_heard_in_the_step_in_which_it_is_put_while_the_reader_goes_on_waiting() -> None:
    async def main() -> None:
        inbox = opened()
        log, heard = Log(inbox), list[AudioIn]()
        inbox.listen(heard.append)
        reading = await waiting(inbox)
        frames = [audio(0), audio(320)]
        for frame in frames:
            assert inbox.put_now(frame)
        assert heard == log.came == log.went == frames
        await asyncio.sleep(0)
        assert not reading.done()
        last = transcript("hello")
        inbox.put_now(last)
        assert await reading is last

    simulated(main())


def test_audio_that_comes_while_the_reader_is_busy_is_read_by_it() -> None:
    async def main() -> None:
        inbox, heard = opened(), list[AudioIn]()
        inbox.listen(heard.append)
        frame = audio()
        inbox.offer(frame)
        assert heard == []
        assert await rest(inbox) == [frame]

    simulated(main())


def test_audio_behind_what_the_reader_has_not_read_yet_stays_behind_it() -> None:
    async def main() -> None:
        inbox, heard = opened(), list[AudioIn]()
        inbox.listen(heard.append)
        reading = await waiting(inbox)
        first, frame = transcript("hello"), audio()
        inbox.put_now(first)
        inbox.put_now(frame)
        assert heard == []
        assert await reading is first
        assert await rest(inbox) == [frame]

    simulated(main())


def test_a_reader_that_listens_no_more_gets_the_audio() -> None:
    async def main() -> None:
        inbox, heard = opened(), list[AudioIn]()
        inbox.listen(heard.append)
        inbox.listen(None)
        reading, frame = await waiting(inbox), audio()
        inbox.put_now(frame)
        assert await reading is frame
        assert heard == []

    simulated(main())


@pytest.mark.parametrize("first", [None, Gain(turn=1, db=-15)])
def test_what_goes_wrong_while_listening_is_raised_where_the_reader_waits(first: Any) -> None:
    """Also if it sends itself something before."""

    async def main() -> None:
        inbox = opened()

        def listen(frame: AudioIn) -> None:
            if first is not None:
                inbox.send_control(first)
            raise ZeroDivisionError

        inbox.listen(listen)
        reading = await waiting(inbox)
        assert inbox.put_now(audio())
        with pytest.raises(ZeroDivisionError):
            await reading

    simulated(main())


def test_what_goes_wrong_while_listening_is_raised_though_the_reader_was_cancelled_in_the_same_step() -> None:
    async def main() -> None:
        inbox = opened()

        def listen(frame: AudioIn) -> None:
            raise ZeroDivisionError

        inbox.listen(listen)
        reading = await waiting(inbox)
        assert inbox.put_now(audio())
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        inbox.close()
        with pytest.raises(ZeroDivisionError):
            await anext(inbox)

    simulated(main())


def test_audio_waits_while_the_reader_waits_for_a_control_frame_alone() -> None:
    async def main() -> None:
        inbox, heard = opened(), list[AudioIn]()
        inbox.listen(heard.append)
        controlled = asyncio.ensure_future(inbox.control())
        await asyncio.sleep(0)
        frame, gain, later = audio(), Gain(turn=1, db=-15), audio(320)
        inbox.put_now(frame)
        inbox.send_control(gain)
        assert await controlled is gain
        assert heard == []
        assert await anext(inbox) is frame
        reading = await waiting(inbox)
        inbox.put_now(later)
        assert heard == [later], "it listens again"
        reading.cancel()

    simulated(main())


@given(st.lists(st.sampled_from(["audio", "words", "turn of the loop"]), max_size=30))
def test_nothing_is_lost_and_nothing_overtakes(story: list[str]) -> None:
    async def main() -> None:
        inbox, taken, put = opened(), list[Any](), list[Any]()
        inbox.listen(taken.append)

        async def read() -> None:
            async for frame in inbox:
                taken.append(frame)

        async with asyncio.TaskGroup() as group:
            group.create_task(read())
            for what in story:
                if what == "turn of the loop":
                    await asyncio.sleep(0)
                else:
                    put.append(audio(len(put)) if what == "audio" else transcript("x"))
                    assert inbox.put_now(put[-1])
            inbox.close()
        assert list(map(id, taken)) == list(map(id, put))

    simulated(main())
