"""What is heard on one side of a call, placed on a time line and taken from it piece by piece."""

from __future__ import annotations

from collections import deque

import numpy as np

from voicepipe.audio.mix import fade_out
from voicepipe.audio.pcm import Pcm, samples_in


class Track:
    """What is heard, placed on a time line in samples at ``rate``; silence between.

    One thread may ``add`` while another one calls ``take``: they work at the two ends of a deque, whose
    single operations are atomic.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._blocks: deque[tuple[int, Pcm]] = deque()
        """Where each block begins, and the block; in order and without overlap."""

    def add(self, start: int, pcm: Pcm) -> None:
        """``pcm`` is heard from ``start`` on, which isn't before the end of the block before."""
        self._blocks.append((start, pcm))

    def cut(self, end: int, fade_ms: float) -> None:
        """Nothing is heard from ``end`` on, and what is heard until then ends in a fade. Needs both ends."""
        while self._blocks and self._blocks[-1][0] >= end:
            self._blocks.pop()
        fading: list[tuple[int, Pcm]] = []
        begin = end - samples_in(self.rate, fade_ms)
        while self._blocks and self._blocks[-1][0] + self._blocks[-1][1].size > begin:
            fading.insert(0, self._blocks.pop())
        if fading:  # one block, however many the fade reaches into
            first = fading[0][0]
            whole: Pcm = np.zeros(end - first, np.int16)
            for start, pcm in fading:
                kept = pcm[: end - start]
                whole[start - first : start - first + kept.size] = kept
            self._blocks.append((first, fade_out(whole, self.rate, fade_ms)))

    def forget(self, now: int) -> None:
        """Drop the blocks that end before ``now``."""
        while self._blocks and self._blocks[0][0] + self._blocks[0][1].size <= now:
            self._blocks.popleft()

    def take(self, start: int, end: int) -> Pcm:
        """What is heard from sample ``start`` to ``end``, silence included; not given out twice."""
        heard: Pcm = np.zeros(end - start, np.int16)
        while self._blocks and self._blocks[0][0] < end:
            at, pcm = self._blocks.popleft()
            first, last = max(at, start), min(at + pcm.size, end)
            if first < last:
                heard[first - start : last - start] = pcm[first - at : last - at]
            if at + pcm.size > end:
                self._blocks.appendleft((end, pcm[end - at :]))
                break
        return heard
