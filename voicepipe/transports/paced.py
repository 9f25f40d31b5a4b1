"""A loudspeaker without a sound card: it plays at the pace of the session's clock, and can be recorded."""

from __future__ import annotations

import asyncio

from voicepipe.audio.pcm import samples_in
from voicepipe.audio.track import Track
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS, SECOND

LEAD = 60 * MS
"""How far ahead of what is being heard a block may be written: as much as a sound card buffers."""

FADE_MS = 5
"""How long what is cut off goes on: as little as doesn't click."""


class PacedOutput:
    """An ``AudioOutput`` at ``rate`` Hz. ``track`` keeps what is heard if ``recorded``."""

    def __init__(self, clock: Clock, rate: int, *, recorded: bool = False) -> None:
        self.rate = rate
        self._recorded = recorded
        self._clock = clock
        self.track = Track(rate)
        self._end = 0
        self._room: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def write(self, pcm: Pcm) -> None:
        now = self._now()
        start = max(self._end, now)
        if not self._recorded:
            self.track.forget(now)
        self.track.add(start, pcm)
        self._end = start + pcm.size
        ahead = (self._end - self._now()) * SECOND // self.rate - LEAD
        if ahead <= 0:
            return
        # There is room when so much has been heard, or a flush has made some.
        self._room = asyncio.get_running_loop().create_future()
        self._timer = self._clock.call_at(self._clock.now() + ahead, self._make_room)
        try:
            await self._room
        except BaseException:
            self._timer.cancel()
            raise

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def pending(self) -> int:
        return max(0, self._end - self._now())

    def flush(self) -> None:
        end = self._now() + samples_in(self.rate, FADE_MS)  # what was heard until now can't fade any more
        self.track.cut(end, FADE_MS)
        self._end = min(self._end, end)
        if self._timer is not None:
            self._timer.cancel()
        self._make_room()

    def _now(self) -> int:
        return self._clock.now() * self.rate // SECOND
