"""What the far side of a media stream has played of what it was sent: by our clock, and by its marks.

The far side plays what it gets at the pace of time, one after the other. What is sent at one moment and
cleared at a later one is played for as long as lies between the two, however long the way there is, since
both messages take it. So our clock alone knows what is heard before an interruption, unless the far side
falls behind: a network stood still, or a buffer there grew. That is what marks tell. Each comes back late by
the way there and back, and by how far the far side is behind; the least ever seen is taken for the way.
"""

from __future__ import annotations

from collections import deque

from voicepipe.audio.mix import fade_out
from voicepipe.audio.pcm import samples_in
from voicepipe.audio.track import Track
from voicepipe.core.frames import Pcm
from voicepipe.core.units import SECOND

FADE_MS = 5
"""How long what is cut off goes on: as little as doesn't click."""

MARK_MS = 200
"""So much audio lies between two marks: five messages a second each way, where audio takes 50."""

MOST_BEHIND_S = 5
"""The far side is believed to be behind by: what it says alone mustn't hold up the agent for longer."""

MOST_MARKS = 64
"""That may be awaited: 13 s of audio. A far side that answers none isn't asked for more."""


class FarSide:
    """The buffer of the far side. All times are ns of the session, all lengths samples at ``rate``."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._end = 0
        """When all that was sent has been played, unless the far side is behind."""
        self._behind = 0
        self._way: int | None = None
        """The least by which a mark has come late."""
        self._paused = 0
        """How long there was nothing to play between what was sent, in all."""
        self._since_mark = 0
        self._marks: deque[tuple[int, int, int]] = deque()
        """``(number, _end, _paused)`` of those that are awaited."""
        self._number = 0
        self._ahead = Track(rate)
        """What has been sent and isn't played yet, for its fade."""

    def send(self, pcm: Pcm, now_ns: int) -> int | None:
        """``pcm`` is sent now; gives the number of a mark that is to be sent behind it."""
        now = now_ns * self._rate // SECOND
        if now >= self._end + self._behind:
            self._paused += now - self._end
            self._end, self._behind = now, 0
        self._ahead.forget(now)
        self._ahead.add(self._end + self._behind, pcm)
        self._end += pcm.size
        self._since_mark += pcm.size
        if self._since_mark * 1000 < MARK_MS * self._rate or len(self._marks) >= MOST_MARKS:
            return None
        self._since_mark = 0
        self._number += 1
        self._marks.append((self._number, self._end, self._paused))
        return self._number

    def played(self, name: str, now_ns: int) -> None:
        """A mark came back. One that isn't awaited, since it was cleared or never sent, says nothing."""
        if not any(str(number) == name for number, _, _ in self._marks):
            return
        while True:  # marks come in order: those before it were lost
            number, end, paused = self._marks.popleft()
            if str(number) == name:
                break
        late = now_ns * self._rate // SECOND - end
        self._way = max(0, late) if self._way is None else max(0, min(self._way, late))
        behind = late - self._way - (self._paused - paused)
        self._behind = max(0, min(behind, MOST_BEHIND_S * self._rate))

    def pending(self, now_ns: int) -> int:
        """What was sent and isn't played yet."""
        return max(0, self._end + self._behind - now_ns * self._rate // SECOND)

    def clear(self, now_ns: int) -> Pcm | None:
        """All that is pending is to be dropped; gives its fade, to be sent behind that. None: nothing is.

        Marks that are awaited come back at once now, whatever has been played: they are forgotten.
        """
        now = now_ns * self._rate // SECOND
        end = self._end + self._behind
        if end <= now:
            return None
        self._marks.clear()
        self._since_mark = 0
        self._ahead.forget(now)
        fade = samples_in(self._rate, FADE_MS)
        tail = fade_out(self._ahead.take(now, min(end, now + fade)), self._rate, FADE_MS)
        self._ahead = Track(self._rate)
        self._ahead.add(now, tail)
        self._end, self._behind = now + tail.size, 0
        return tail
