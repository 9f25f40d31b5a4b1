"""The caller's audio as it comes over a media stream, put on a time line without holes and overlaps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from voicepipe.audio.g711 import RATE
from voicepipe.core.frames import FRAME_MS, Pcm

FRAME = RATE * FRAME_MS // 1000

FILLED_MS = 200
"""A shorter gap is filled with silence, so that whoever waits for the end of speech goes on counting.
A longer one is a leap of the position, which every stage can bear."""

JITTER_MS = FRAME_MS - 1
"""Timestamps are whole milliseconds, and of some carriers the time of sending: what is off by less than
a frame follows on what came before."""

OLD_MS = 1000
"""So much audio whose time has passed isn't audio that was overtaken: the far side counts anew."""


class Frame(NamedTuple):
    """20 ms at 8 kHz; ``position`` is that of its first sample."""

    position: int
    pcm: Pcm


class Arrivals:
    """Cuts what arrives into frames of 20 ms, and knows where each belongs."""

    def __init__(self) -> None:
        self.gaps_ms = 0
        """Audio that never came."""
        self.old = 0
        """Messages whose time had passed, so that they were left out."""
        self._position = 0
        """Of the next sample that is expected."""
        self._zero: int | None = None
        """The timestamp of the stream, in samples, at which our position is 0."""
        self._old_ms = 0
        self._rest: Pcm = np.zeros(0, np.int16)
        """Less than a frame, which ends at ``_position``."""

    def take(self, pcm: Pcm, timestamp_ms: int | None, latest: int) -> list[Frame]:
        """The frames that ``pcm`` completes, in order. ``latest``: the last position that time allows now.

        No gap leads beyond it: a timestamp of another age would, and whoever keeps the call's audio would
        have to keep the silence until then.
        """
        size = pcm.size
        if timestamp_ms is not None and size:
            start = timestamp_ms * RATE // 1000
            if self._zero is None:
                self._zero = start - self._position
            off = start - self._zero - self._position
            if not -JITTER_MS * RATE // 1000 <= off <= JITTER_MS * RATE // 1000:
                return self._astray(pcm, start, off, latest)
        self._old_ms = 0
        if size == FRAME and not self._rest.size:
            self._position += FRAME
            return [Frame(self._position - FRAME, pcm)]
        return self._cut(pcm)

    def _astray(self, pcm: Pcm, start: int, off: int, latest: int) -> list[Frame]:
        if -pcm.size < off < 0:  # some of it is there already
            return self._cut(pcm[-off:])
        if off < 0:
            self.old += 1
            self._old_ms += pcm.size * 1000 // RATE
            if self._old_ms < OLD_MS:
                return []
            off, self._zero = 0, start - self._position
        elif self._position + off > latest:  # it counts anew, too
            off, self._zero = 0, start - self._position
        self._old_ms = 0
        self.gaps_ms += off * 1000 // RATE
        if off <= FILLED_MS * RATE // 1000:
            return self._cut(np.concatenate((np.zeros(off, np.int16), pcm)))
        padding = -self._rest.size % FRAME  # frames stay as long as they are
        frames = self._cut(np.zeros(padding, np.int16))
        self._position += off - padding
        return frames + self._cut(pcm)

    def _cut(self, pcm: Pcm) -> list[Frame]:
        whole = np.concatenate((self._rest, pcm)) if self._rest.size else pcm
        first = self._position - self._rest.size
        self._position += pcm.size
        count = whole.size // FRAME
        self._rest = whole[count * FRAME :]
        return [Frame(first + at, whole[at : at + FRAME]) for at in range(0, count * FRAME, FRAME)]
