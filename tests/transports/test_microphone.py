from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.sound import FakeDevice, FakeSound, FakeStream
from tests.support.tones import split_tone, tone
from tests.support.toolbench import settle
from voicepipe.audio.track import Track
from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioIn, Pcm, Talk
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.turns import Turns
from voicepipe.core.units import MS
from voicepipe.errors import AudioError, SetupError
from voicepipe.transports.microphone import WAITING, Microphone
from voicepipe.transports.recording import Recording
from voicepipe.transports.sound_devices import devices

RATE = 16_000
FRAME = RATE // 50


class FakeLine:
    idle_since = 0

    def __init__(self) -> None:
        self.clock = Clock()

    def record(self, record: Any) -> None:
        raise AssertionError("a microphone records nothing")


class Desk:
    """A microphone that is in a call, its device, and the inbox that hears it."""

    def __init__(self, device: FakeDevice, *, capacity: int = 1000) -> None:
        sound = FakeSound((device,))
        self.line = FakeLine()
        self.microphone = Microphone(
            devices(sound)[0], rate=RATE, clock=self.line.clock, sound=sound, on_lost=lambda: None
        )
        self.device: FakeStream = sound.streams[0]
        self.inbox: Inbox[AudioIn] = Inbox("vad", Turns(), capacity=capacity)
        self.turn: Inbox[Talk] = Inbox("turn", Turns())
        self._out: Outlet[Any] = Outlet("input", {AudioIn: (self.inbox,), Talk: (self.turn,)}, live=True)

    @asynccontextmanager
    async def in_call(self) -> AsyncIterator[asyncio.Task[None]]:
        self.microphone.stream.start()
        running = asyncio.ensure_future(self.microphone.run(self._out, self.line))
        await settle()
        yield running
        running.cancel()
        await asyncio.wait([running])

    async def heard(self) -> list[AudioIn]:
        await settle()
        return [await anext(self.inbox) for _ in range(self.inbox.statistics()["waiting"])]

    async def keys(self) -> list[Talk]:
        await settle()
        return [await anext(self.turn) for _ in range(self.turn.statistics()["waiting"])]


PLAIN = FakeDevice("Mic", inputs=1, rates=(RATE,))


def speech(number: int) -> Pcm:
    return np.full(FRAME, number + 1, np.int16)


def test_each_block_of_the_device_is_a_frame_and_positions_count_samples() -> None:
    async def test() -> None:
        desk = Desk(PLAIN)
        async with desk.in_call():
            for number in range(3):
                desk.device.speak(speech(number))
            frames = await desk.heard()
        assert [frame.position for frame in frames] == [0, FRAME, 2 * FRAME]
        assert [frame.pcm.tolist() for frame in frames] == [speech(number).tolist() for number in range(3)]
        assert {frame.rate for frame in frames} == {RATE}

    asyncio.run(test())


def test_what_comes_before_the_call_is_not_heard() -> None:
    async def test() -> None:
        desk = Desk(PLAIN)
        desk.microphone.stream.start()
        desk.device.speak(speech(0))
        async with desk.in_call():
            desk.device.speak(speech(1))
            frames = await desk.heard()
        assert [(frame.position, frame.pcm[0]) for frame in frames] == [(0, 2)]

    asyncio.run(test())


def test_a_device_of_another_rate_is_resampled_in_20_ms_frames() -> None:
    async def test() -> None:
        desk = Desk(FakeDevice("Mic", inputs=1, rate=44_100.0, rates=(44_100,)))
        source = tone(1000, 44_100, 0.4)
        async with desk.in_call():
            for start in range(0, len(source), 882):
                desk.device.speak(source[start : start + 882])
            frames = await desk.heard()
        assert {len(frame.pcm) for frame in frames} == {FRAME}
        assert [frame.position for frame in frames] == list(range(0, len(frames) * FRAME, FRAME))
        wanted, rest = split_tone(np.concatenate([frame.pcm for frame in frames])[FRAME:], 1000, RATE)
        assert wanted > 1000 * rest

    asyncio.run(test())


def test_a_muted_microphone_sends_silence_so_that_time_goes_on() -> None:
    async def test() -> None:
        desk = Desk(PLAIN)
        async with desk.in_call():
            desk.device.speak(speech(20_000))
            await desk.heard()
            assert desk.microphone.level_dbfs() > -10
            desk.microphone.muted = True
            desk.device.speak(speech(20_000))
            frames = await desk.heard()
            assert [(frame.position, frame.pcm.any()) for frame in frames] == [(FRAME, False)]
            assert desk.microphone.level_dbfs() < -90

    asyncio.run(test())


def test_it_is_open_while_the_key_to_talk_is_pressed_and_tells_the_call_of_it() -> None:
    async def test() -> None:
        desk = Desk(PLAIN)
        desk.microphone.muted = True
        async with desk.in_call():
            sent: list[bool] = []
            for pressed in (True, False):
                desk.microphone.talk(pressed)
                desk.device.speak(speech(20_000))
                sent += [bool(frame.pcm.any()) for frame in await desk.heard()]
            assert sent == [True, False]
            first, second = await desk.keys()
            assert (first.pressed, second.pressed) == (True, False)
            assert 0 <= first.at_ns <= second.at_ns <= desk.line.clock.now()

    asyncio.run(test())


def test_a_key_that_is_pressed_before_the_call_is_told_when_it_begins() -> None:
    async def test() -> None:
        desk = Desk(PLAIN)
        desk.microphone.talk(True)
        async with desk.in_call():
            assert [frame.pressed for frame in await desk.keys()] == [True]

    asyncio.run(test())


def test_a_loop_that_is_too_late_loses_frames_and_the_gap_shows_in_the_position() -> None:
    async def test() -> None:
        desk = Desk(PLAIN)
        async with desk.in_call():
            for number in range(WAITING + 3):
                desk.device.speak(speech(number))
            first = await desk.heard()
            desk.device.speak(speech(100))
            after = await desk.heard()
        assert [frame.position for frame in first] == [number * FRAME for number in range(WAITING)]
        assert [frame.position for frame in after] == [(WAITING + 3) * FRAME]
        assert desk.microphone.dropped == 3

    asyncio.run(test())


def test_a_pipeline_that_is_too_slow_holds_nothing_up() -> None:
    async def test() -> None:
        desk = Desk(PLAIN, capacity=2)
        async with desk.in_call():
            for number in range(4):
                desk.device.speak(speech(number))
            assert [frame.position for frame in await desk.heard()] == [0, FRAME]
            desk.device.speak(speech(4))
            assert [frame.position for frame in await desk.heard()] == [4 * FRAME]

    asyncio.run(test())


def test_overflows_are_counted_as_portaudio_tells_them() -> None:
    async def test() -> None:
        desk = Desk(PLAIN)
        desk.device.speak(speech(0), overflow=True)
        desk.device.speak(speech(1))
        assert desk.microphone.overflows == 1

    asyncio.run(test())


def test_an_error_that_ends_the_call_comes_out_of_run() -> None:
    async def test() -> None:
        desk = Desk(PLAIN)
        async with desk.in_call() as running:
            desk.microphone.end(SetupError("the microphone went away"))
            desk.microphone.end(SetupError("and so did the loudspeaker"))
            with pytest.raises(SetupError, match="microphone went away"):
                await running

    asyncio.run(test())


def recorded(path: Path, play: Callable[[Desk], None]) -> Pcm:
    """The caller's side of the recording of a call in which ``play`` is the device."""

    async def test() -> None:
        desk = Desk(PLAIN)
        desk.microphone.recording = Recording(path, caller_rate=RATE, agent=Track(RATE))
        async with desk.in_call():
            play(desk)
            await desk.heard()
        desk.microphone.recording.close()

    asyncio.run(test())
    return read_wav(path).pcm


def test_the_recording_has_silence_where_frames_were_lost(tmp_path: Path) -> None:
    def play(desk: Desk) -> None:
        for _ in range(WAITING):
            desk.device.speak(speech(999))
        desk.device.speak(speech(999))  # too much
        desk.microphone._deliver()
        desk.device.speak(speech(999))

    caller = recorded(tmp_path / "call.wav", play).reshape(-1, FRAME)
    assert [bool(frame.any()) for frame in caller] == [True] * WAITING + [False, True]


def test_what_is_said_while_muted_is_not_recorded(tmp_path: Path) -> None:
    def play(desk: Desk) -> None:
        desk.microphone.muted = True
        desk.device.speak(speech(999))

    assert not recorded(tmp_path / "call.wav", play).any()


def test_a_recording_that_cannot_be_written_on_ends_the_call() -> None:
    class FullDisk:
        def add_caller(self, pcm: Pcm) -> None:
            raise AudioError("call.wav: can't be written: No space left on device")

    async def test() -> None:
        desk = Desk(PLAIN)
        desk.microphone.recording = FullDisk()  # type: ignore[assignment]
        async with desk.in_call() as running:
            desk.device.speak(speech(0))
            with pytest.raises(AudioError, match="No space left"):
                await running

    asyncio.run(test())


class SetClock:
    def __init__(self) -> None:
        self.time = 0

    def now(self) -> int:
        return self.time


def test_the_time_line_runs_from_the_beginning_and_counts_what_is_still_on_its_way() -> None:
    async def test() -> None:
        desk = Desk(PLAIN)  # 20 ms of latency
        clock = SetClock()
        desk.microphone._clock = clock  # type: ignore[assignment]
        clock.time = 1000 * MS
        async with desk.in_call():
            clock.time += 500 * MS  # it takes so long to start
            assert desk.microphone.time_line(48_000) == 24_000
            desk.device.speak(speech(0))
            assert desk.microphone.time_line(48_000) == 24_000
            clock.time += 5 * MS
            assert desk.microphone.time_line(48_000) == 24_000 + 240
            clock.time += 30 * MS  # a frame that comes late
            desk.device.speak(speech(1))
            assert desk.microphone.time_line(48_000) == 24_000 + 960

    asyncio.run(test())


def test_the_recording_begins_with_the_call_and_not_with_the_first_frame(tmp_path: Path) -> None:
    def play(desk: Desk) -> None:
        clock = SetClock()
        clock.time = desk.microphone._began_ns + 540 * MS
        desk.microphone._clock = clock  # type: ignore[assignment]
        desk.device.speak(speech(999))

    caller = recorded(tmp_path / "call.wav", play)
    assert np.flatnonzero(caller)[0] == pytest.approx(RATE // 2, abs=RATE // 500)
