"""The loudspeaker: a ring of samples between playout, on the event loop, and PortAudio's thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from voicepipe.audio.mix import fade_out
from voicepipe.audio.pcm import samples_in
from voicepipe.audio.track import Track
from voicepipe.core.frames import Pcm
from voicepipe.transports.played import Played
from voicepipe.transports.sound_devices import DeviceStream, SoundDevice

LEAD_MS = 60
"""How much may wait in the ring: three frames, so that a loop that is late by two is not heard."""

FADE_MS = 5
"""Too short to be heard as speech, long enough not to click."""

BLOCK_MS = 10
"""Of the callback. Shorter blocks cost CPU, longer ones make ``pending`` coarser."""


class Loudspeaker:
    """An ``AudioOutput`` at the rate that the device prefers. Made, and written to, on the event loop."""

    def __init__(self, device: SoundDevice, *, sound: Any, on_lost: Callable[[], object]) -> None:
        """Opens the device; ``SetupError`` if it can't be used.

        ``on_lost`` is called in PortAudio's thread if the device goes away.
        """
        self.underruns = 0
        """How often the device ran dry, as PortAudio tells it: each is a click."""
        self._loop = asyncio.get_running_loop()
        self.stream = DeviceStream(
            device,
            "output",
            wanted_rate=device.rate,
            block_ms=BLOCK_MS,
            callback=self._fill,
            on_lost=on_lost,
            sound=sound,
        )
        self.rate = self.stream.rate
        self.latency = self.stream.latency_samples
        """Samples: how long after the device has taken a sample it is heard."""
        # A device that takes more at once than the lead would run dry each time.
        self._lead = max(samples_in(self.rate, LEAD_MS), self.latency)
        self._lock = Lock()  # guards all below; held for microseconds, by the callback, too
        self._ring: Pcm = np.zeros(self._lead + self.rate, np.int16)
        self._read = self._written = 0
        """Samples since the beginning: handed to the device, and written by playout."""
        self._handed = 0
        """Samples that the device has taken, with the silence between replies."""
        self._taken: deque[tuple[int, int]] = deque([(0, 0)])
        """``(_handed, _read)`` after each callback, as far back as the device's latency reaches."""
        self._room: asyncio.Future[None] | None = None
        self._track: Track | None = None
        self._time_line: Callable[[], int] = lambda: 0
        self._track_end = 0
        self._in_reply = False
        self._played: Played | None = None

    def record(self, track: Track, time_line: Callable[[], int]) -> None:
        """Put what is played on ``track``, at the sample of it that ``time_line()`` says is spoken now.

        To be called before the stream is started; ``time_line`` is called in PortAudio's thread.
        """
        self._track, self._time_line = track, time_line

    def tell(self, played: Played) -> None:
        """Hand ``played`` all that is handed to the device. To be called before the stream is started."""
        self._played = played

    # ── playout's side ───────────────────────────────────────────────────────────────────────────

    async def write(self, pcm: Pcm) -> None:
        """Queue a block of at most a second, then wait while more than the lead is queued."""
        with self._lock:
            self._copy(pcm, self._written)
            self._written += pcm.size
        while (room := self._wait_for_room()) is not None:
            await room

    def pending(self) -> int:
        with self._lock:
            return self._written - self._taken[0][1]

    def flush(self) -> None:
        """What the device has taken, as much as its latency, can't be called back."""
        with self._lock:
            queued = self._written - self._read
            kept = min(queued, samples_in(self.rate, FADE_MS))
            places = np.arange(self._read, self._read + kept) % self._ring.size
            self._ring[places] = fade_out(self._ring[places], self.rate, FADE_MS)
            self._written = self._read + kept
            room, self._room = self._room, None
        if room is not None:  # what comes next needn't wait for the device to ask for it
            _give(room)

    def _wait_for_room(self) -> asyncio.Future[None] | None:
        with self._lock:
            if self._written - self._read <= self._lead:
                return None
            self._room = self._loop.create_future()
            return self._room

    def _copy(self, pcm: Pcm, position: int) -> None:
        at = position % self._ring.size
        before_the_seam = self._ring.size - at
        self._ring[at : at + pcm.size] = pcm[:before_the_seam]
        self._ring[: max(0, pcm.size - before_the_seam)] = pcm[before_the_seam:]

    # ── PortAudio's side ─────────────────────────────────────────────────────────────────────────

    def _fill(self, buffer: Any, samples: int, flags: Any) -> None:
        if flags.output_underflow:
            self.underruns += 1
        block = np.frombuffer(buffer, np.int16)
        with self._lock:
            size = min(samples, self._written - self._read)
            at = self._read % self._ring.size
            before_the_seam = min(size, self._ring.size - at)
            block[:before_the_seam] = self._ring[at : at + before_the_seam]
            block[before_the_seam:size] = self._ring[: size - before_the_seam]
            block[size:] = 0
            self._read += size
            self._handed += samples
            self._taken.append((self._handed, self._read))
            while len(self._taken) > 1 and self._taken[1][0] <= self._handed - self.latency:
                self._taken.popleft()
            room = self._room
            if room is not None and self._written - self._read <= self._lead:
                self._room = None
            else:
                room = None
        if room is not None:
            self._loop.call_soon_threadsafe(_give, room)
        if self._played is not None:
            self._played.hand_over(block[:size], samples)
        if self._track is not None:
            self._put_on_track(self._track, block[:size], whole=size == samples)

    def _put_on_track(self, track: Track, pcm: Pcm, *, whole: bool) -> None:
        """A reply is placed once, where it begins: the jitter of callbacks is not part of what is heard."""
        if pcm.size:
            start = self._track_end
            if not self._in_reply:
                start = max(start, self._time_line() + self.latency)
            track.add(start, pcm.copy())
            self._track_end = start + pcm.size
        self._in_reply = whole


def _give(room: asyncio.Future[None]) -> None:
    if not room.done():
        room.set_result(None)
