"""The reply as it was handed to the loudspeaker: what was heard of it, and what is to be played again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from voicepipe.core.frames import FRAME_MS, Pcm, Segment
from voicepipe.core.units import SECOND
from voicepipe.speech.heard import word_boundary

KEPT = 2 * SECOND
"""How far back a reply may be played again: more than the longest word and what a device buffers."""


@dataclass(slots=True)
class Span:
    """Where a segment lies on the tape, in samples at the loudspeaker's rate."""

    segment: Segment
    start: int
    offset: int = 0
    """Where in the segment it begins: a notice may have come between its halves."""
    length: int = 0
    told: int = 0
    """Samples at the segment's own rate that were reported as heard."""


class Tape:
    """One reply at a time. Positions are samples of it at ``rate``, counted from its beginning."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._spans: list[Span] = []
        self._blocks: deque[tuple[int, Pcm]] = deque()
        self._again: deque[Pcm] = deque()
        self._end = 0
        self.cursor = 0
        """All before it was handed to the loudspeaker."""

    def clear(self) -> None:
        self._spans.clear()
        self._blocks.clear()
        self._again.clear()
        self._end = self.cursor = 0

    def segment(self) -> Segment | None:
        """Which one is at the cursor."""
        for span in reversed(self._spans):
            if span.start <= self.cursor:
                return span.segment
        return None

    def last_segment(self) -> Segment | None:
        return self._spans[-1].segment if self._spans else None

    def begin(self, segment: Segment) -> None:
        before = sum(span.length for span in self._spans if span.segment is segment)
        self._spans.append(Span(segment, self._end, before))

    def add(self, pcm: Pcm) -> None:
        """More of the last segment. It is to be played when all before it has been."""
        self._spans[-1].length += pcm.size
        self._end += pcm.size
        self._again.append(pcm)

    @property
    def waiting(self) -> bool:
        return bool(self._again)

    def next(self) -> Pcm:
        """The next block to hand to the loudspeaker."""
        pcm = self._again.popleft()
        self._blocks.append((self.cursor, pcm))
        self.cursor += pcm.size
        oldest = self.cursor - KEPT * self._rate // SECOND
        while self._blocks[0][0] + self._blocks[0][1].size <= oldest:
            self._blocks.popleft()
        return pcm

    def rewind(self, position: int) -> None:
        """Go back: what follows ``position`` is to be played again. No farther than what is kept."""
        while self._blocks and self.cursor > position:
            start, pcm = self._blocks.pop()
            keep = max(0, position - start)
            if keep:
                self._blocks.append((start, pcm[:keep]))
            self._again.appendleft(pcm[keep:])
            self.cursor = start + keep

    def word_start(self, position: int) -> int:
        """Where the word begins that is being spoken at ``position``."""
        for span in reversed(self._spans):
            if span.start <= position:
                rate, origin = span.segment.rate, span.start - span.offset
                samples = (min(position, span.start + span.length) - origin) * rate // self._rate
                word = origin + word_boundary(span.segment, samples) * self._rate // rate
                return max(span.start, word)
        return position

    def heard(self, position: int) -> Iterator[tuple[Segment, int]]:
        """The segments that went on since the last time; ``position`` is how far the reply was played."""
        for span in self._spans:
            samples = min(max(0, position - span.start), span.length)
            rate, whole = span.segment.rate, span.segment.samples
            heard = (span.offset + samples) * rate // self._rate
            # At its end it counts as whole, whatever rounding took from it or added to it. But its end may
            # not have come to the tape yet.
            missing = 0 if whole is None else whole - heard
            if whole and (missing < 0 or (0 < samples == span.length and missing < rate * FRAME_MS // 1000)):
                heard = whole
            if heard > span.told:  # what is played again was heard before
                span.told = heard
                yield span.segment, heard
