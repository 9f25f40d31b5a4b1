"""A loudspeaker without a sound card: it plays at the pace of the session's clock, and can be recorded."""

from __future__ import annotations

from collections import deque

import numpy as np

from voicepipe.audio.mix import fade_out
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS, SECOND

LEAD = 60 * MS
"""How far ahead of what is being heard a block may be written: as much as a sound card buffers."""

FADE_MS = 5


class PacedOutput:
    """An ``AudioOutput`` at ``rate`` Hz. With ``recorded``, what is heard is kept for ``heard_until``."""

    def __init__(self, clock: Clock, rate: int, *, recorded: bool = False) -> None:
        self.rate = rate
        self._recorded = recorded
        self._clock = clock
        self._blocks: deque[tuple[int, Pcm]] = deque()
        self._end = 0

    async def write(self, pcm: Pcm) -> None:
        now = self._now()
        start = max(self._end, now)
        while not self._recorded and self._blocks and self._blocks[0][0] + self._blocks[0][1].size <= now:
            self._blocks.popleft()
        self._blocks.append((start, pcm))
        self._end = start + pcm.size
        ahead = (self._end - self._now()) * SECOND // self.rate - LEAD
        if ahead > 0:
            await self._clock.sleep(ahead)

    def pending(self) -> int:
        return max(0, self._end - self._now())

    def flush(self) -> None:
        now = self._now()
        while self._blocks and self._blocks[-1][0] >= now:
            self._blocks.pop()
        if self._blocks:
            start, pcm = self._blocks[-1]
            self._blocks[-1] = (start, fade_out(pcm[: now - start], self.rate, FADE_MS))
        self._end = min(self._end, now)

    def heard_until(self, start: int, end: int) -> Pcm:
        """What the caller heard in samples ``start`` to ``end`` of session time; not given out twice."""
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

    def _now(self) -> int:
        return self._clock.now() * self.rate // SECOND
