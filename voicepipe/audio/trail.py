"""The latest samples of a stream, found by their position in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voicepipe.audio.pcm import Pcm

ROOM = 4
"""The buffer is so many times as long as what is kept: what is kept is moved once in three such lengths, and
any stretch of it lies in one piece."""


class Trail:
    """Keeps the last ``keep`` samples before ``end``, as float32. What was never written is silence."""

    def __init__(self, keep: int) -> None:
        self._samples = np.zeros(ROOM * keep, np.float32)
        self._keep = keep
        self._filled = keep
        self.end = 0
        """The position after the last sample; ``keep`` samples of silence come before the first."""

    def write(self, pcm: Pcm, at: int) -> None:
        """Put ``pcm`` (at most ``keep`` samples) at position ``at``.

        What is skipped is silence; what was there already is replaced; what is too old for the trail is left
        out.
        """
        self.skip_to(at)
        first = self._filled - (self.end - at)
        oldest = self._filled - self._keep
        if first < oldest:
            pcm = pcm[oldest - first :]
            first = oldest
        beyond = first + pcm.size - self._filled
        if beyond > 0:
            first -= self._make_room(beyond)
            self._filled += beyond
            self.end += beyond
        self._samples[first : first + pcm.size] = pcm

    def skip_to(self, position: int) -> None:
        """Silence up to ``position``, if that isn't behind already."""
        gap = position - self.end
        if gap <= 0:
            return
        silent = min(gap, self._keep)
        self._make_room(silent)
        self._samples[self._filled : self._filled + silent] = 0
        self._filled += silent
        self.end = position

    def between(self, start: int, end: int) -> npt.NDArray[np.float32]:
        """The samples from ``start`` to ``end``, which it must hold: a view, good until the next write."""
        first = self._filled - (self.end - start)
        return self._samples[first : first + end - start]

    def _make_room(self, size: int) -> int:
        """Moves what is kept to the front if there isn't room for ``size`` samples more; by how far."""
        if self._filled + size <= self._samples.size:
            return 0
        moved = self._filled - self._keep
        self._samples[: self._keep] = self._samples[moved : self._filled]
        self._filled = self._keep
        return moved
