"""A ring of the caller's audio, for what is known too late or has to be heard again."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeAlias

from voicepipe.core.frames import AudioIn
from voicepipe.core.units import SECOND

if TYPE_CHECKING:
    from voicepipe.core.frames import Pcm

Piece: TypeAlias = "tuple[int, Pcm, str | None]"
"""The position, samples and caption of a frame.

A plain tuple, of which the garbage collector finds out that it can't be part of a cycle: it never looks at it
again. Frames aren't forgotten so, and those of the last seconds of all calls were a quarter of what it went
through, some milliseconds at a time.
"""


class RecentAudio:
    """The last ``span`` nanoseconds of it."""

    def __init__(self, span: int) -> None:
        self.rate = 0
        """In Hz; 0 until there is any audio."""
        self._span = span
        self._pieces: deque[Piece] = deque()

    def __len__(self) -> int:
        return len(self._pieces)

    @property
    def samples(self) -> int:
        return sum(pcm.size for _, pcm, _ in self._pieces)

    def push(self, frame: AudioIn) -> Piece:
        piece = frame.position, frame.pcm, frame.caption
        self.rate = frame.rate
        pieces = self._pieces
        pieces.append(piece)
        oldest = frame.position - self._span * frame.rate // SECOND
        while pieces[0][0] < oldest:
            pieces.popleft()
        return piece

    def since(self, position: int) -> list[Piece]:
        """What holds sample ``position`` and those after it, as far as it is kept."""
        return [piece for piece in self._pieces if piece[0] + piece[1].size > position]

    def branch(self, position: int, span: int) -> RecentAudio:
        """Another one of ``span``, which begins with that."""
        branch = RecentAudio(span)
        branch.rate = self.rate
        branch._pieces.extend(self.since(position))
        return branch

    def clear(self) -> None:
        self._pieces.clear()
