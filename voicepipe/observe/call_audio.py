"""Both sides of a call in one stereo WAV file, whatever transport it is held over: caller left, agent right.

Time zero of the file is that of the session. On the event loop samples are only put on two time lines; a
worker takes them from there second by second, resamples and writes them.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import numpy as np

from voicepipe.audio.pcm import samples_in
from voicepipe.audio.resample import Resampler
from voicepipe.audio.track import Track
from voicepipe.audio.wav import WavWriter
from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioIn, Pcm
from voicepipe.core.io import AudioOutput
from voicepipe.core.units import SECOND
from voicepipe.errors import AudioError, SetupError

HIGHEST_RATE = 24_000
"""Of the file: what a loudspeaker has beyond it is no speech. 5.8 MB a minute."""

MARGIN = SECOND // 2
"""A second is written when it is over for so long: a sound card's clock may run before ours."""

ABSENT = 10 * SECOND
"""For so long the caller's audio is waited for. Then it is silence: the agent's must not pile up."""

MOST_WAITING = 60 * SECOND
"""So much of both sides waits for a disk, 10 MB. One that is slower doesn't get the rest."""

ASTRAY_MS = 100
"""What is played goes on where it ended, unless it is off by so much: then it has begun anew."""

FADE_MS = 5


class CallAudio:
    """The recording at ``path``, an ``AudioTap``. It never raises during the call: see ``error``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rate = 0
        """Of the file, in Hz; 0 before the call has begun."""
        self.seconds = 0.0
        """How much has been written."""
        self.silenced: list[tuple[int, int]] = []
        """What was made silent, in ns of the session."""
        self.error: SetupError | None = None
        """Why the recording ends before the call, or isn't there."""
        self._caller: Track | None = None
        self._caller_rate = 0
        self._offset = 0
        """The sample of the time line at which the caller's position 0 lies."""
        self._next_position = 0
        self._caller_end = 0
        self._agent: Track | None = None
        self._clock: Clock | None = None
        self._taken = 0
        """Seconds that were taken from the time lines."""
        self._due = asyncio.Event()
        self._blocks: deque[tuple[Pcm, Pcm]] = deque()
        self._to_silence: deque[tuple[int, int]] = deque()
        self._lock = Lock()  # held by the one worker that writes
        self._file: _Stereo | None = None

    # ── on the event loop ────────────────────────────────────────────────────────────────────────

    def listen(self, output: AudioOutput, clock: Clock) -> AudioOutput:
        """The loudspeaker through which the call is recorded; the file is made."""
        self._clock = clock
        self._agent = Track(output.rate)
        self.rate = min(output.rate, HIGHEST_RATE)
        return _Listened(output, self._agent, clock, self._look)

    def hear(self, frame: object) -> None:
        """Put what the caller sends on the time line. A gap in the positions is silence."""
        if not isinstance(frame, AudioIn) or self._clock is None or self.error is not None:
            return
        if frame.position < self._next_position:
            return  # it was heard when it came, and was dropped now since its reader has left
        if self._caller is None:
            self._caller, self._caller_rate = Track(frame.rate), frame.rate
            begun = self._clock.now() * frame.rate // SECOND - frame.pcm.size
            self._offset = max(0, begun) - frame.position
        start = frame.position + self._offset
        if start < self._caller_end:  # it was absent for so long that silence took its place
            self._offset += self._caller_end - start
            start = self._caller_end
        self._caller.add(start, frame.pcm)
        self._next_position = frame.position + frame.pcm.size
        self._caller_end = start + frame.pcm.size
        if self._caller_end * SECOND >= ((self._taken + 1) * SECOND + MARGIN) * frame.rate:
            self._look(self._clock.now())
            self._due.set()

    def silence(self, start_ns: int, end_ns: int) -> None:
        """Both sides are silent between these times of the session, also where it was written already."""
        self._to_silence.append((max(0, start_ns), end_ns))
        self._due.set()

    async def run(self, workers: Workers) -> None:
        """Write what is due, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            self._take_seconds()
            await workers.call(self._write)

    async def end(self, until_ns: int, workers: Workers) -> None:
        """The call is over: complete the file. Nothing is written of a call that had no loudspeaker."""
        if self._agent is None:
            return
        self._take_seconds(until_ns)
        begun = self._taken * SECOND
        if until_ns > begun:
            self._take(begun, until_ns)
        await workers.call(self._finish)

    def _look(self, now_ns: int) -> None:
        """Whether the caller is absent, or the disk doesn't keep up."""
        assert self._agent is not None, "listen() was called"
        waiting = now_ns - self._taken * SECOND
        if waiting > MOST_WAITING and self.error is None:
            self.error = AudioError(
                f"{self.path}: the disk was too slow, so the recording ends at {self._taken} s",
                hint="put record.dir on a quicker one",
            )
        if self.error is not None:
            self._caller = None
            self._agent.forget(now_ns * self._agent.rate // SECOND)
        elif waiting >= SECOND + ABSENT:
            self._due.set()

    def _take_seconds(self, until_ns: int | None = None) -> None:
        """The seconds that are over on both time lines, or have to be; all of them at the end."""
        assert self._clock is not None, "listen() was called"
        caller_ns = self._caller_end * SECOND // self._caller_rate if self._caller else 0
        whole = max(caller_ns - MARGIN, self._clock.now() - ABSENT) if until_ns is None else until_ns
        while (self._taken + 1) * SECOND <= whole:
            self._take(self._taken * SECOND, (self._taken + 1) * SECOND)
            self._taken += 1

    def _take(self, start_ns: int, end_ns: int) -> None:
        if self.error is not None:
            return
        assert self._agent is not None, "listen() was called"
        if self._caller is None:
            caller: Pcm = np.zeros(0, np.int16)
        else:
            caller = self._caller.take(*_samples(start_ns, end_ns, self._caller_rate))
            self._caller_end = max(self._caller_end, end_ns * self._caller_rate // SECOND)
        self._blocks.append((caller, self._agent.take(*_samples(start_ns, end_ns, self._agent.rate))))

    # ── in a worker ──────────────────────────────────────────────────────────────────────────────

    def _write(self) -> None:
        with self._lock:
            try:
                self._write_blocks()
                self._write_silence()
            except SetupError as error:
                self.error = self.error or error
                self._blocks.clear()

    def _write_blocks(self) -> None:
        while self._blocks and self.error is None:
            caller, agent = self._blocks.popleft()
            if self._file is None:
                self._file = self._opened()
            self._file.write(caller, self._caller_rate, agent)
            self.seconds = self._file.frames / self.rate

    def _opened(self) -> _Stereo:
        assert self._agent is not None, "listen() was called"
        return _Stereo(self.path, self._agent.rate, self.rate)

    def _write_silence(self) -> None:
        """As far as it has been written; the rest waits."""
        for _ in range(len(self._to_silence) if self._file is not None else 0):
            start_ns, end_ns = self._to_silence.popleft()
            start, end = _samples(start_ns, end_ns, self.rate)
            assert self._file is not None, "there is one"
            self._file.silence(start, end)
            if end > self._file.frames and not self._file.ended:
                self._to_silence.append((max(start_ns, self._file.frames * SECOND // self.rate), end_ns))
            _note(self.silenced, start_ns, min(end_ns, self._file.frames * SECOND // self.rate))

    def _finish(self) -> None:
        self._write()
        with self._lock:
            if self._file is None:
                return
            try:
                self._file.end()
                self.seconds = self._file.frames / self.rate
            except SetupError as error:
                self.error = self.error or error
            try:  # a full disk has room for zeros in the place of samples
                self._write_silence()
            except SetupError as error:
                self.path.unlink(missing_ok=True)  # better none than one that tells what it mustn't
                self.error = error
            self._file.close()


def _samples(start_ns: int, end_ns: int, rate: int) -> tuple[int, int]:
    return start_ns * rate // SECOND, end_ns * rate // SECOND


def _note(spans: list[tuple[int, int]], start_ns: int, end_ns: int) -> None:
    """Add a span, joined with the last one where they touch."""
    if spans and spans[-1][0] <= start_ns <= spans[-1][1]:
        spans[-1] = spans[-1][0], max(spans[-1][1], end_ns)
    elif end_ns > start_ns:
        spans.append((start_ns, end_ns))


class _Listened:
    """An ``AudioOutput`` that passes on what it is given, and notes when what of it is heard."""

    def __init__(self, output: AudioOutput, track: Track, clock: Clock, look: Callable[[int], None]) -> None:
        self.rate = output.rate
        self._output = output
        self._track = track
        self._clock = clock
        self._look = look
        self._latency: int = getattr(output, "latency", 0)  # only devices have one
        self._end = 0

    async def write(self, pcm: Pcm) -> None:
        self._place(pcm)
        await self._output.write(pcm)

    def pending(self) -> int:
        return self._output.pending()

    def flush(self) -> None:
        self._output.flush()
        end = self._clock.now() * self.rate // SECOND + self._output.pending()
        self._track.cut(end, FADE_MS)
        self._end = min(self._end, end)

    def _place(self, pcm: Pcm) -> None:
        """A reply is placed where it begins: the jitter of a device isn't part of what is heard."""
        now_ns = self._clock.now()
        pending = self._output.pending()
        start = now_ns * self.rate // SECOND + max(pending, self._latency)
        if pending and abs(start - self._end) < samples_in(self.rate, ASTRAY_MS):
            start = self._end
        self._track.add(max(start, self._end), pcm)
        self._end = max(start, self._end) + pcm.size
        self._look(now_ns)


class _Stereo:
    """The file, readable by its owner only. Both sides come in time with each other, at their own rates."""

    def __init__(self, path: Path, agent_rate: int, rate: int) -> None:
        self.ended = False
        self._left, self._right = _Side(rate), _Side(rate)
        self._agent_rate = agent_rate
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise AudioError(f"{path}: can't be made: {error.strerror or error}") from None
        self._writer = WavWriter(path, rate, channels=2)

    @property
    def frames(self) -> int:
        return self._writer.frames

    def write(self, caller: Pcm, caller_rate: int, agent: Pcm) -> None:
        """The next stretch of both; an empty ``caller`` is silence."""
        self._right.add(agent, self._agent_rate)
        if caller.size:
            self._left.add(caller, caller_rate)
        else:
            self._left.pad(self._right.samples)
        self._write(min(self._left.samples, self._right.samples))

    def end(self) -> None:
        """What the filters still hold. Raises ``AudioError``, as ``write`` does."""
        self.ended = True
        self._left.end()
        self._right.end()
        size = max(self._left.samples, self._right.samples)
        self._left.pad(size)
        self._right.pad(size)
        self._write(size)

    def silence(self, start: int, end: int) -> None:
        self._writer.silence(start, end)

    def close(self) -> None:
        try:
            self._writer.close()
        except AudioError:
            return  # a write has failed before, and was told

    def _write(self, size: int) -> None:
        self._writer.write(np.stack((self._left.take(size), self._right.take(size)), axis=1))
        self._writer.flush()


class _Side:
    """One channel on its way to the file's rate, without the delay of the filter."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._resampler: Resampler | None = None
        self._late = 0
        self._ready: Pcm = np.zeros(0, np.int16)

    @property
    def samples(self) -> int:
        return self._ready.size

    def add(self, pcm: Pcm, rate: int) -> None:
        if self._resampler is None:
            self._resampler = Resampler(rate, self._rate)
            self._late = self._resampler.delay_samples
        made = self._resampler.process(pcm)
        late = min(self._late, made.size)
        self._late -= late
        self._ready = np.concatenate((self._ready, made[late:]))

    def end(self) -> None:
        if self._resampler is not None:
            self._ready = np.concatenate((self._ready, self._resampler.flush()))

    def pad(self, samples: int) -> None:
        """Silence up to so many samples that are ready."""
        missing = max(0, samples - self._ready.size)
        self._ready = np.concatenate((self._ready, np.zeros(missing, np.int16)))

    def take(self, samples: int) -> Pcm:
        taken, self._ready = self._ready[:samples], self._ready[samples:]
        return taken
