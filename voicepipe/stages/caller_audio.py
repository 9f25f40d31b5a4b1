"""What the caller has said, as audio: the last seconds, and every utterance that isn't answered yet.

A fused model is given it again when its connection has to be made anew.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from voicepipe.core.frames import AudioIn
from voicepipe.core.units import MS, SECOND
from voicepipe.stages.recent_audio import Piece, RecentAudio

RING = 15 * SECOND
"""Audio kept for an onset that is reported late, and for a connection that is made anew meanwhile."""

LONGEST = 60 * SECOND
"""Of an utterance, the most that is kept to be sent again: its end."""


@dataclass(slots=True, eq=False)
class Utterance:
    """Audio between an onset and the pause. ``position`` is that of the onset, and its name.

    ``text``: its words, once all of them are known. ``connection``: the number of the one that was given its
    audio, 0 for none; ``item_id`` is what it is called there, None if it was refused or held nothing.
    ``placed``: it stands there, or never will; nobody need wait. ``heard``: nobody waits for its words.
    """

    position: int
    frames: RecentAudio = field(default_factory=lambda: RecentAudio(LONGEST))
    connection: int = 0
    item_id: str | None = None
    placed: asyncio.Event = field(default_factory=asyncio.Event)
    heard: bool = False
    text: str = ""
    unwanted: bool = False
    """It isn't sent again, whatever happens to the connection."""

    @property
    def length_ms(self) -> int:
        """Of its audio, at most; where the server has found it, nobody here knows it."""
        return self.frames.samples * 1000 // self.frames.rate if self.frames else LONGEST // MS

    def stands_on(self, connection: int) -> bool:
        """Whether it is an item there."""
        return self.connection == connection and self.item_id is not None

    def place(self, connection: int, item_id: str) -> None:
        self.connection, self.item_id = connection, item_id
        self.placed.set()

    def displace(self, connection: int = 0) -> None:
        """It has to be sent, or is being sent to ``connection``."""
        self.connection, self.item_id = connection, None
        self.placed.clear()


class CallerAudio:
    """``push`` each frame; between ``begin`` and ``end`` it belongs to an utterance, too."""

    def __init__(self) -> None:
        self._recent = RecentAudio(RING)
        self.open: Utterance | None = None

    @property
    def rate(self) -> int:
        """In Hz; 0 until there is any audio."""
        return self._recent.rate

    def push(self, frame: AudioIn) -> None:
        self._recent.push(frame)
        if self.open is not None:
            self.open.frames.push(frame)

    def begin(self, position: int, audio_from: int) -> Utterance:
        """The utterance, with what was said of it before its onset was known."""
        self.open = Utterance(position, self._longest().branch(audio_from, LONGEST))
        return self.open

    def end(self) -> Utterance | None:
        """The utterance that is over, if one was begun."""
        utterance, self.open = self.open, None
        return utterance

    def since(self, position: int) -> list[Piece]:
        """What holds sample ``position`` and those after it, as far as it is kept."""
        return self._longest().since(position)

    def _longest(self) -> RecentAudio:
        return self._recent if self.open is None else max(self._recent, self.open.frames, key=len)
