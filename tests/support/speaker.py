"""A loudspeaker that knows the truth: which samples have left it by when."""

from __future__ import annotations

import asyncio

import numpy as np

from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS, SECOND

QUEUE = 60 * MS


class FakeSpeaker:
    """An ``AudioOutput`` on ``clock``. ``latency`` (ns) passes between a sample's turn and its sound."""

    def __init__(self, clock: Clock, *, rate: int = 16_000, latency: int = 0) -> None:
        self.rate = rate
        self.flushes = 0
        self.broken = False
        self._clock = clock
        self._latency = latency
        self._blocks: list[tuple[int, Pcm]] = []
        """When the first sample of a block leaves, and the block."""
        self._end = 0
        self._room: asyncio.Future[None] | None = None

    async def write(self, pcm: Pcm) -> None:
        if self.broken:
            await asyncio.Event().wait()
        start = max(self._end, self._clock.now() + self._latency)
        self._blocks.append((start, pcm))
        self._end = start + len(pcm) * SECOND // self.rate
        self._room = asyncio.get_running_loop().create_future()
        timer = self._clock.call_at(self._end - self._latency - QUEUE, self._make_room)
        try:
            await self._room
        finally:
            timer.cancel()

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def pending(self) -> int:
        return sum(len(pcm) for _, pcm in self._blocks) - len(self.played())

    def flush(self) -> None:
        self.flushes += 1
        now = self._clock.now()
        self._blocks = [(start, pcm[: self._count(start, pcm)]) for start, pcm in self._blocks]
        self._end = min(self._end, now)
        self._make_room()

    def played(self) -> Pcm:
        """All samples that have left by now."""
        return np.concatenate(
            [np.zeros(0, np.int16), *(pcm[: self._count(start, pcm)] for start, pcm in self._blocks)]
        )

    def _count(self, start: int, pcm: Pcm) -> int:
        return max(0, min(len(pcm), (self._clock.now() - start) * self.rate // SECOND))
