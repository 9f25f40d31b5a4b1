"""Reply audio of any block length → at most 20 ms each, without the silence that voices begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voicepipe.core.frames import FRAME_MS, Segment

if TYPE_CHECKING:
    from voicepipe.core.frames import Pcm


class Slicer:
    """Of one segment, whose length, levels and trimming it notes there."""

    def __init__(self, segment: Segment) -> None:
        import numpy as np  # noqa: PLC0415 - validating a pipeline file needs this module, but not NumPy

        from voicepipe.audio.level import SilenceTrimmer, frame_levels  # noqa: PLC0415 - likewise

        self._segment = segment
        self._trimmer = SilenceTrimmer(segment.rate)
        self._size = segment.rate * FRAME_MS // 1000
        self._concatenate = np.concatenate
        self._levels = frame_levels
        self._rest: Pcm = np.zeros(0, np.int16)
        self._samples = 0

    def push(self, pcm: Pcm) -> list[Pcm]:
        """What is complete, 20 ms each."""
        pcm = self._trimmer.process(pcm)
        self._segment.trimmed = self._trimmer.dropped
        pcm = self._concatenate([self._rest, pcm]) if self._rest.size else pcm
        whole = pcm.size - pcm.size % self._size
        self._rest = pcm[whole:]
        self._samples += whole
        self._segment.made = self._samples + self._rest.size
        self._segment.levels.extend(map(round, self._levels(pcm[:whole], self._size)))
        return [pcm[start : start + self._size] for start in range(0, whole, self._size)]

    def flush(self) -> Pcm:
        """The rest, shorter than a frame and possibly empty; the segment's length is known now."""
        # The trimmer holds something only if nothing was audible, and then there is no rest.
        last = self._rest if self._rest.size else self._trimmer.flush()
        self._segment.made = self._segment.samples = self._samples + last.size
        return last
