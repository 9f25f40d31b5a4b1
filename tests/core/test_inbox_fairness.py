"""Whoever waits for room in an inbox gets it, however busy the other writers are."""

from __future__ import annotations

import asyncio

from tests.support.inboxes import audio, opened, rest, simulated, transcript

CAPACITY = 8


def test_audio_that_is_offered_without_end_doesnt_keep_out_a_writer_that_waits() -> None:
    async def main() -> None:
        inbox = opened(capacity=CAPACITY)
        while inbox.offer(audio()):
            pass
        told = transcript("waits")
        waiting = asyncio.ensure_future(inbox.put(told))
        await asyncio.sleep(0)
        for _ in range(3):  # one frame is read, and one offered, all the time
            await anext(inbox)
            inbox.offer(audio())
            await asyncio.sleep(0)
        assert waiting.done()
        assert told in await rest(inbox)

    simulated(main())


def test_a_writer_that_always_has_the_next_frame_doesnt_keep_out_one_that_waits() -> None:
    async def main() -> None:
        inbox = opened(capacity=CAPACITY)
        for _ in range(CAPACITY):
            assert inbox.put_now(transcript("busy"))
        waiting = asyncio.ensure_future(inbox.put(transcript("waits")))
        await asyncio.sleep(0)
        await anext(inbox)
        assert not inbox.put_now(transcript("busy"))
        busy = asyncio.ensure_future(inbox.put(transcript("came later")))
        await asyncio.sleep(0)
        assert not busy.done()
        await anext(inbox)
        await asyncio.sleep(0)
        assert waiting.done()
        assert busy.done()
        assert [frame.text for frame in await rest(inbox)][-2:] == ["waits", "came later"]

    simulated(main())
