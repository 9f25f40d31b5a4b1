"""The audio of an utterance that a recogniser still has to answer for, and where in it there is silence."""

from __future__ import annotations

import numpy as np

from voicepipe.audio.level import rms_dbfs
from voicepipe.audio.pcm import Pcm, samples_in

FRAME_MS = 20

FLOOR_DBFS = -55.0
"""No speech is this quiet: a hushed voice on a telephone line has −45 dBFS at its loudest."""

QUIET_DB = 30.0
"""A frame this far under the loudest is silence. Weak consonants reach 20 to 25 dB under a stressed vowel."""


class Window:
    """Mono int16 audio at ``rate`` Hz; positions are samples from the first one that it still holds."""

    def __init__(self, rate: int) -> None:
        self._frame = samples_in(rate, FRAME_MS)
        self._pcm: Pcm = np.empty(rate, np.int16)
        self._levels: list[float] = []  # of the whole frames
        self._loudest = FLOOR_DBFS
        self.samples = 0

    def add(self, block: Pcm) -> None:
        end = self.samples + len(block)
        if end > len(self._pcm):
            grown = np.empty(2 * end, np.int16)
            grown[: self.samples] = self._pcm[: self.samples]
            self._pcm = grown
        self._pcm[self.samples : end] = block
        self.samples = end
        while (start := len(self._levels) * self._frame) + self._frame <= end:
            level = rms_dbfs(self._pcm[start : start + self._frame])
            self._levels.append(level)
            self._loudest = max(self._loudest, level)

    def pcm(self, start: int = 0, end: int | None = None) -> Pcm:
        """A copy of the audio from ``start`` to ``end``; a worker may read it while the window moves on."""
        return self._pcm[start : self.samples if end is None else min(end, self.samples)].copy()

    @property
    def _limit(self) -> float:
        return max(FLOOR_DBFS, self._loudest - QUIET_DB)

    def speech_start(self) -> int:
        """The start of the first frame that isn't silence; where the window ends if there is none."""
        limit = self._limit
        loud = (index * self._frame for index, level in enumerate(self._levels) if level > limit)
        return next(loud, self.samples)

    def speech_end(self, before: int | None = None) -> int:
        """The end of the last whole frame (up to ``before``) that isn't silence; 0 if there is none."""
        limit = self._limit
        frames = len(self._levels) if before is None else before // self._frame
        for index in range(frames, 0, -1):
            if self._levels[index - 1] > limit:
                return index * self._frame
        return 0

    def quietest(self, first: int, last: int) -> int:
        """The middle of the quietest 200 ms between two positions: the best place to cut words apart."""
        width = 200 // FRAME_MS
        levels = self._levels[first // self._frame : last // self._frame]
        if len(levels) < width:
            return last
        means = np.convolve(levels, np.full(width, 1 / width), mode="valid")
        return first // self._frame * self._frame + (int(np.argmin(means)) + width // 2) * self._frame

    def drop(self, count: int) -> None:
        """Forget the first ``count`` samples, a whole number of frames."""
        if count % self._frame or count > self.samples:
            raise ValueError(f"can't drop {count} of {self.samples} samples in frames of {self._frame}")
        rest = self._pcm[count : self.samples].copy()
        self._pcm[: len(rest)] = rest
        self.samples = len(rest)
        del self._levels[: count // self._frame]
        self._loudest = max(self._levels, default=FLOOR_DBFS)
