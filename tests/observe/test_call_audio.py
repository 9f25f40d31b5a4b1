from __future__ import annotations

import asyncio
import resource
import stat
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.tones import tone
from voicepipe.audio.pcm import Pcm
from voicepipe.audio.wav import read_wav
from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import AudioIn, Talk
from voicepipe.core.io import AudioOutput
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.call_audio import CallAudio
from voicepipe.runtime.workers import make_workers
from voicepipe.transports.paced import PacedOutput

RATE = 8_000
FRAME = RATE // 50


class Call:
    """A call on the simulated clock: a caller, a loudspeaker, and the recording of both."""

    def __init__(self, path: Path, *, rate: int = RATE) -> None:
        self.clock = Clock()
        self.workers: Workers = make_workers(self.clock)
        self.audio = CallAudio(path)
        self.output: AudioOutput = self.audio.listen(PacedOutput(self.clock, rate), self.clock)
        self.position = 0

    async def say(self, pcm: Pcm) -> None:
        """The caller's next frames; each leaves when its last sample has been spoken."""
        for start in range(0, pcm.size, FRAME):
            await self.clock.sleep(20 * MS)
            block = pcm[start : start + FRAME]
            self.audio.hear(AudioIn(pcm=block, position=self.position, rate=RATE))
            self.position += block.size

    async def play(self, pcm: Pcm) -> None:
        size = self.output.rate // 50
        for start in range(0, pcm.size, size):
            await self.output.write(pcm[start : start + size])


def held(folder: Path, talk: Callable[[Call], Coroutine[Any, Any, None]], **options: Any) -> Call:
    async def hold() -> Call:
        call = Call(folder / "audio.wav", **options)
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(call.audio.run(call.workers))
            await talk(call)
            writing.cancel()
        await call.audio.end(call.clock.now(), call.workers)
        return call

    return run_on("simulated", hold())


def sides(folder: Path) -> tuple[Pcm, Pcm]:
    path = folder / "audio.wav"
    return read_wav(path, channel=0).pcm, read_wav(path, channel=1).pcm


def level(pcm: Pcm) -> int:
    return int(np.abs(pcm.astype(int)).max(initial=0))


def test_the_caller_is_left_and_the_agent_right_each_where_it_was_heard(tmp_path: Path) -> None:
    caller, agent = tone(400, RATE, 1.0), tone(300, RATE, 0.5)

    async def talk(call: Call) -> None:
        await call.say(np.zeros(RATE, np.int16))
        async with asyncio.TaskGroup() as both:
            both.create_task(call.play(agent))
            both.create_task(call.say(caller))

    call = held(tmp_path, talk)
    left, right = sides(tmp_path)
    np.testing.assert_array_equal(left, np.concatenate((np.zeros(RATE, np.int16), caller)))
    np.testing.assert_array_equal(right[RATE:][: agent.size], agent)
    assert level(right[:RATE]) == level(right[RATE + agent.size :]) == 0
    assert (call.audio.rate, call.audio.seconds, call.audio.error) == (RATE, 2.0, None)
    assert stat.S_IMODE((tmp_path / "audio.wav").stat().st_mode) == 0o600


def test_sides_of_different_rates_stay_in_time_without_the_filters_delay(tmp_path: Path) -> None:
    async def talk(call: Call) -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(call.play(tone(300, 48_000, 2.5)))
            both.create_task(call.say(tone(300, RATE, 2.5)))

    call = held(tmp_path, talk, rate=48_000)
    left, right = sides(tmp_path)
    assert (call.audio.rate, left.size, right.size) == (24_000, 60_000, 60_000)
    assert np.abs(left[500:-500].astype(int) - right[500:-500]).max() < 0.01 * level(right)


def test_after_an_interruption_only_what_was_played_is_there(tmp_path: Path) -> None:
    async def talk(call: Call) -> None:
        async with asyncio.TaskGroup() as both:
            playing = both.create_task(call.play(np.full(RATE, 1000, np.int16)))
            await call.say(np.zeros(RATE // 2, np.int16))
            playing.cancel()
            call.output.flush()
            await call.say(np.zeros(RATE // 10, np.int16))
            assert call.output.pending() == 0
            both.create_task(call.play(np.full(RATE // 10, 500, np.int16)))
            await call.say(np.zeros(RATE // 2, np.int16))

    held(tmp_path, talk)
    _, right = sides(tmp_path)
    half = RATE // 2
    assert (right[:half] == 1000).all()
    assert (np.diff(right[half : half + 39]) < 0).all(), "5 ms of fading"
    assert not right[half + 40 : half + RATE // 10].any()
    assert (right[half + RATE // 10 :][: RATE // 10] == 500).all()


def test_frames_that_were_lost_are_silence_and_none_is_heard_twice(tmp_path: Path) -> None:
    async def talk(call: Call) -> None:
        block = np.full(FRAME, 7, np.int16)
        for position in (0, 1, 3, 3, 1, 4):
            await call.clock.sleep_until((position + 1) * 20 * MS)
            call.audio.hear(AudioIn(pcm=block, position=position * FRAME, rate=RATE))
        call.audio.hear(Talk(pressed=True, at_ns=0))

    held(tmp_path, talk)
    left, _ = sides(tmp_path)
    assert left[::FRAME].tolist() == [7, 7, 0, 7, 7]


def test_a_caller_whose_audio_stays_away_does_not_hold_the_recording_up(tmp_path: Path) -> None:
    agent = np.full(15 * RATE, 5, np.int16)
    written: list[float] = []

    async def talk(call: Call) -> None:
        await call.play(agent)
        written.append(call.audio.seconds)
        await call.say(np.full(RATE, 9, np.int16))

    held(tmp_path, talk)
    left, right = sides(tmp_path)
    assert written == [4.0]
    assert (right[: agent.size] == 5).all()
    assert not left[: 14 * RATE].any()
    assert (left[-RATE:] == 9).all()


def test_what_must_not_be_heard_is_silent_on_both_sides_also_where_it_was_written(tmp_path: Path) -> None:
    async def talk(call: Call) -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(call.play(np.full(4 * RATE, 5, np.int16)))
            await call.say(np.full(2 * RATE, 9, np.int16))
            call.audio.silence(500 * MS, 700 * MS)
            call.audio.silence(1900 * MS, 2500 * MS)
            await call.say(np.full(2 * RATE, 9, np.int16))
            call.audio.silence(3900 * MS, 9 * SECOND)

    call = held(tmp_path, talk)
    for side, loud in zip(sides(tmp_path), (9, 5), strict=True):
        expected = np.full(4 * RATE, loud)
        for start, end in ((500, 700), (1900, 2500), (3900, 4000)):
            expected[start * RATE // 1000 : end * RATE // 1000] = 0
        np.testing.assert_array_equal(side, expected)
    assert call.audio.silenced == [
        (500 * MS, 700 * MS),
        (1900 * MS, 2500 * MS),
        (3900 * MS, 4000 * MS),
    ]


def test_the_file_is_valid_while_the_call_goes_on(tmp_path: Path) -> None:
    sizes: list[int] = []

    async def talk(call: Call) -> None:
        for _ in range(3):
            await call.say(np.full(RATE, 9, np.int16))
            await call.clock.sleep(0)
            if call.audio.path.exists():
                sizes.append(read_wav(call.audio.path).pcm.size)

    held(tmp_path, talk)
    assert sizes == [RATE, 2 * RATE]


def test_a_folder_that_has_gone_ends_the_recording_and_not_the_call(tmp_path: Path) -> None:
    async def talk(call: Call) -> None:
        await call.say(np.full(3 * RATE, 9, np.int16))

    call = held(tmp_path / "gone", talk)
    assert "audio.wav: can't be made: No such file" in str(call.audio.error)


def test_a_full_disk_ends_the_recording_and_not_the_call(tmp_path: Path) -> None:
    async def talk(call: Call) -> None:
        await call.say(np.full(4 * RATE, 9, np.int16))
        call.audio.silence(0, 100 * MS)

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5 * RATE, limits[1]))  # a second of stereo is 4 * RATE
    try:
        call = held(tmp_path, talk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "audio.wav: can't be written: File too large" in str(call.audio.error)
    left, _ = sides(tmp_path)
    assert left.size == RATE, "what was written is there, and what must not be heard is silent all the same"
    assert not left[: RATE // 10].any()
    assert (left[RATE // 10 :] == 9).all()


def test_a_disk_that_is_too_slow_ends_the_recording_within_its_memory(tmp_path: Path) -> None:
    class Stuck:
        async def call(self, fn: Callable[[], Any], **options: Any) -> Any:
            await asyncio.Event().wait()

    async def hold() -> Call:
        call = Call(tmp_path / "audio.wav")
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(call.audio.run(Stuck()))  # type: ignore[arg-type]  # all that it uses
            await call.say(np.zeros(61 * RATE, np.int16))
            assert call.audio.error is None
            await call.say(np.zeros(2 * RATE, np.int16))
            writing.cancel()
        await call.audio.end(call.clock.now(), call.workers)
        return call

    assert "the disk was too slow, so the recording ends at 1 s" in str(
        run_on("simulated", hold()).audio.error
    )


def test_a_call_that_never_began_leaves_no_file(tmp_path: Path) -> None:
    async def hold() -> None:
        audio = CallAudio(tmp_path / "audio.wav")
        audio.hear(AudioIn(pcm=np.zeros(FRAME, np.int16), position=0, rate=RATE))
        await audio.end(SECOND, make_workers(Clock()))

    run_on("simulated", hold())
    assert not (tmp_path / "audio.wav").exists()
