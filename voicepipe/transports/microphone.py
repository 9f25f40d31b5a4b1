"""The microphone: PortAudio's thread → 20 ms frames on the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from voicepipe.audio.echo import EchoGate
from voicepipe.audio.level import rms_dbfs
from voicepipe.audio.resample import Resampler
from voicepipe.core.clock import Clock
from voicepipe.core.frames import FRAME_MS, AudioIn, Pcm, Talk
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import FromCaller, Line
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import VoicepipeError
from voicepipe.transports.played import Played
from voicepipe.transports.recording import Recording
from voicepipe.transports.sound_devices import DeviceStream, SoundDevice

WAITING = 25
"""Frames (half a second) that may wait for the event loop. A loop that is later than that drops speech."""


class Microphone:
    """An ``AudioInput`` at ``rate`` Hz, whatever the device's own rate is.

    While ``muted`` it sends silence: time goes on, and nothing of what is said enters the call.
    """

    live: ClassVar[bool] = True

    def __init__(
        self,
        device: SoundDevice,
        *,
        rate: int,
        clock: Clock,
        sound: Any,
        on_lost: Callable[[], object],
    ) -> None:
        """Opens the device; ``SetupError`` if it can't be used.

        ``on_lost`` is called in PortAudio's thread if the device goes away.
        """
        self.rate = rate
        self.muted = False
        self.overflows = 0
        """How often PortAudio lost samples before we got them."""
        self.dropped = 0
        """Frames that the event loop was too late for."""
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self.stream = DeviceStream(
            device,
            "input",
            wanted_rate=rate,
            block_ms=FRAME_MS,
            callback=self._take,
            on_lost=on_lost,
            sound=sound,
        )
        self._latency_ns = self.stream.latency_samples * SECOND // self.stream.rate
        self._size = rate * FRAME_MS // 1000
        self._silence: Pcm = np.zeros(self._size, np.int16)
        self._latest = self._silence
        self._resampler = Resampler(self.stream.rate, rate)
        self._waiting: deque[tuple[int, Pcm]] = deque()
        """``(index, samples at the device's rate)``; PortAudio's thread puts, the loop takes."""
        self._frames = 0
        """Frames since ``run`` began, those that were dropped included."""
        self._began_ns = self._heard_ns = 0
        """Session times at which ``run`` began, and of the last frame."""
        self._lead_ns = self._unrecorded_ns = 0
        """How long after the beginning the first sample was spoken: devices take up to a second to start."""
        self._next = 0
        self._woken = False
        self._out: Outlet[FromCaller] | None = None
        self._news = asyncio.Event()
        self._over = False
        self._pressed: deque[Talk] = deque()
        """The key to talk, as far as nobody was told yet."""
        self._error: VoicepipeError | None = None
        self.recording: Recording | None = None
        self._gate: EchoGate | None = None
        self._played: Played | None = None

    def gate_echo(self, gate: EchoGate, played: Played) -> None:
        """Let nothing pass that is only the echo of what is ``played``. To be called before the call."""
        self._gate, self._played = gate, played

    async def run(self, out: Outlet[FromCaller], line: Line) -> None:
        """Sends until it is cancelled. Raises what ``end`` was told."""
        self._began_ns = self._clock.now()
        self._out = out
        try:
            while not self._over:
                await self._news.wait()
                self._news.clear()
                while self._pressed:
                    await out.send(self._pressed.popleft())
        finally:
            self._out = None
        if self._error is not None:
            raise self._error

    def end(self, error: VoicepipeError) -> None:
        """The call can't go on; on the event loop."""
        self._error = self._error or error
        self._over = True
        self._news.set()

    def talk(self, pressed: bool) -> None:
        """The key to talk was pressed, or let go: outside of that the microphone is ``muted``."""
        self.muted = not pressed
        self._pressed.append(Talk(pressed=pressed, at_ns=self._clock.now()))
        self._news.set()

    def level_dbfs(self) -> float:
        """How loud the last frame was that was sent."""
        return rms_dbfs(self._latest)

    def time_line(self, rate: int) -> int:
        """The sample, at ``rate``, of the recording's time line that is being spoken now.

        It begins with ``run`` and goes on with the microphone's own clock; other devices have others, and
        would drift apart from it in a long call.
        """
        frames, now = self._frames, self._clock.now()
        if frames == 0:
            spoken_ns = now - self._began_ns
        else:
            spoken_ns = self._lead_ns + frames * FRAME_MS * MS + self._latency_ns + now - self._heard_ns
        return spoken_ns * rate // SECOND

    def spoken_now(self) -> int | None:
        """The sample of what it sends that is being spoken now; None before the first frame."""
        if self._frames == 0:
            return None
        since_ns = self._latency_ns + self._clock.now() - self._heard_ns
        return self._frames * self._size + since_ns * self.rate // SECOND

    def _take(self, buffer: Any, samples: int, flags: Any) -> None:
        """In PortAudio's thread. The buffer is only lent."""
        if flags.input_overflow:
            self.overflows += 1
        if self._out is None:
            return
        index = self._frames
        self._heard_ns = self._clock.now()
        if index == 0:
            lead_ns = self._heard_ns - self._latency_ns - FRAME_MS * MS - self._began_ns
            self._lead_ns = self._unrecorded_ns = max(0, lead_ns)
        self._frames = index + 1
        if len(self._waiting) >= WAITING:
            self.dropped += 1
            return
        self._waiting.append((index, np.frombuffer(buffer, np.int16).copy()))
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._woken = False  # before the first look: what comes after the last one wakes us again
        while self._waiting:
            index, pcm = self._waiting.popleft()
            if self._out is None:
                continue
            pcm = self._resampler.process(pcm)
            if self._gate is not None and self._played is not None:
                self._played.pass_on(self._gate)
                pcm = self._gate.hear(pcm, index * self._size)
            self._latest = pcm = self._silence if self.muted else pcm
            self._out.offer(AudioIn(pcm=pcm, position=index * self._size, rate=self.rate))
            if self.recording is not None:
                self._record(index, pcm)
            self._next = index + 1

    def _record(self, index: int, pcm: Pcm) -> None:
        assert self.recording is not None
        try:
            if self._unrecorded_ns:
                lead: Pcm = np.zeros(self._unrecorded_ns * self.rate // SECOND, np.int16)
                self._unrecorded_ns = 0
                self.recording.add_caller(lead)
            for _ in range(self._next, index):
                self.recording.add_caller(self._silence)
            self.recording.add_caller(pcm)
        except VoicepipeError as error:  # a full disk: nobody else would tell
            self.end(error)
