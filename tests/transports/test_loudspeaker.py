from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sound import FakeDevice, FakeSound, FakeStream
from tests.support.toolbench import settle
from voicepipe.audio.track import Track
from voicepipe.core.frames import Pcm
from voicepipe.transports.loudspeaker import Loudspeaker
from voicepipe.transports.sound_devices import devices

RATE = 48_000
FRAME = RATE // 50
BLOCK = RATE // 100
LEAD = 3 * FRAME


def ramp(start: int, size: int) -> Pcm:
    """Samples that tell their own position."""
    return (np.arange(start, start + size) % 30_000 + 1).astype(np.int16)


def make(latency: float = 0.02) -> tuple[Loudspeaker, FakeStream]:
    sound = FakeSound((FakeDevice("Out", outputs=2),), latency=latency)
    speaker = Loudspeaker(devices(sound)[0], sound=sound, on_lost=lambda: None)
    speaker.stream.start()
    return speaker, sound.loudspeaker


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_what_is_written_is_played_in_order_and_silence_after_it() -> None:
    async def test() -> None:
        speaker, device = make()
        await speaker.write(ramp(0, FRAME))
        await speaker.write(ramp(FRAME, FRAME))
        played = np.concatenate([device.play() for _ in range(5)])
        np.testing.assert_array_equal(played[: 2 * FRAME], ramp(0, 2 * FRAME))
        assert not played[2 * FRAME :].any()

    run(test())


def test_a_writer_waits_while_more_than_60_ms_are_queued_and_goes_on_when_they_are_played() -> None:
    async def test() -> None:
        speaker, device = make()
        for number in range(3):
            await speaker.write(ramp(number * FRAME, FRAME))
        writer = asyncio.ensure_future(speaker.write(ramp(3 * FRAME, FRAME)))
        await settle()
        assert not writer.done()
        device.play()
        await settle()
        assert not writer.done(), "ten milliseconds too many are still queued"
        device.play()
        await writer

    run(test())


def test_a_device_with_long_buffers_is_kept_filled() -> None:
    async def test() -> None:
        speaker, device = make(latency=0.2)
        await asyncio.wait_for(speaker.write(ramp(0, RATE // 5)), 1)
        assert np.array_equal(device.play(RATE // 5), ramp(0, RATE // 5))

    run(test())


def test_what_the_device_has_taken_is_pending_until_its_latency_has_passed() -> None:
    async def test() -> None:
        speaker, device = make(latency=0.02)
        assert speaker.pending() == 0
        await speaker.write(ramp(0, FRAME))
        left = [speaker.pending()]
        for _ in range(5):
            device.play()
            left.append(speaker.pending())
        assert left == [FRAME, FRAME, FRAME, BLOCK, 0, 0]

    run(test())


def test_a_flush_drops_what_is_queued_in_a_fade_of_5_ms_and_counts_it_as_never_heard() -> None:
    async def test() -> None:
        speaker, device = make(latency=0.0)
        await speaker.write(np.full(LEAD, 10_000, np.int16))
        device.play()
        speaker.flush()
        fade = RATE // 200
        assert speaker.pending() == fade
        block = device.play()
        assert (np.diff(block[:fade]) < 0).all()
        assert not block[fade - 1 :].any()
        assert speaker.pending() == 0

    run(test())


def test_a_new_reply_is_heard_whole_after_a_flush() -> None:
    async def test() -> None:
        speaker, device = make(latency=0.0)
        await speaker.write(np.full(LEAD, 10_000, np.int16))
        speaker.flush()
        device.play()
        await speaker.write(ramp(0, FRAME))
        played = np.concatenate([device.play() for _ in range(2)])
        np.testing.assert_array_equal(played, ramp(0, FRAME))

    run(test())


def test_a_flush_of_nothing_is_harmless() -> None:
    async def test() -> None:
        speaker, device = make()
        speaker.flush()
        assert speaker.pending() == 0
        assert not device.play().any()

    run(test())


def test_underruns_are_counted_as_portaudio_tells_them() -> None:
    async def test() -> None:
        speaker, device = make()
        device.play(underflow=True)
        device.play()
        assert speaker.underruns == 1

    run(test())


def test_a_reply_goes_on_the_track_in_one_piece_where_its_first_sample_is_heard() -> None:
    async def test() -> None:
        speaker, device = make(latency=0.02)
        track, now = Track(RATE), [1000]
        speaker.record(track, lambda: now[0])
        await speaker.write(ramp(0, FRAME))
        device.play()
        now[0] += 999_999  # how late a callback comes is not heard
        device.play()
        device.play()
        start = 1000 + FRAME
        taken = track.take(0, start + 2 * FRAME)
        assert not taken[:start].any()
        np.testing.assert_array_equal(taken[start : start + FRAME], ramp(0, FRAME))
        assert not taken[start + FRAME :].any()

    run(test())


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(0, FRAME)),
            st.tuples(st.just("play"), st.integers(1, 3 * BLOCK)),
        ),
        max_size=200,
    )
)
def test_whatever_the_block_sizes_nothing_is_lost_doubled_or_reordered(steps: list[tuple[str, int]]) -> None:
    async def test() -> None:
        speaker, device = make(latency=0.0)
        written, played = 0, [np.zeros(0, np.int16)]
        for what, size in steps:
            if what == "play":
                played.append(device.play(size))
                continue
            writer = asyncio.ensure_future(speaker.write(ramp(written, size)))
            written += size
            await asyncio.sleep(0)
            while not writer.done():
                played.append(device.play())
                await asyncio.sleep(0)
        while speaker.pending():
            played.append(device.play())
        heard = np.concatenate(played)
        np.testing.assert_array_equal(heard[heard != 0], ramp(0, written))

    run(test())
