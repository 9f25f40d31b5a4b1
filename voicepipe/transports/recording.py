"""Both sides of a call in one stereo WAV file, written as the call goes on: caller left, agent right."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from voicepipe.audio.resample import Resampler
from voicepipe.audio.track import Track
from voicepipe.audio.wav import WavWriter
from voicepipe.core.frames import Pcm
from voicepipe.core.units import SECOND


class Recording:
    """The file at ``path``, at the agent track's rate. Raises ``AudioError`` where it can't be written.

    Each second its header is brought up to date, so that a process that is killed leaves a valid file.
    """

    def __init__(self, path: Path, *, caller_rate: int, agent: Track) -> None:
        self.path = path
        self._writer = WavWriter(path, agent.rate, channels=2)
        self._resampler = Resampler(caller_rate, agent.rate)
        self._agent = agent
        self._offset = 0
        self._flushed = 0

    def begin(self, now: int) -> None:
        """The caller's first sample is spoken at ``now`` (ns) of the agent track's time line."""
        self._offset = now * self._agent.rate // SECOND

    def add_caller(self, pcm: Pcm) -> None:
        """The next block of the caller's side; what the agent said meanwhile goes beside it."""
        caller = self._resampler.process(pcm)
        start = self._offset + self._writer.frames
        agent = self._agent.take(start, start + caller.size)
        self._writer.write(np.stack((caller, agent), axis=1))
        if self._writer.frames - self._flushed >= self._agent.rate:
            self._flushed = self._writer.frames
            self._writer.flush()

    def close(self) -> None:
        """Complete the file; may be called twice."""
        self._writer.close()
