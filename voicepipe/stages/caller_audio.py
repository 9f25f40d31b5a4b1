"""What the caller has said, as audio: the last seconds, and every utterance that isn't answered yet.

A fused model is given it again when its connection has to be made anew.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from voicepipe.core.frames import AudioIn
from voicepipe.core.units import MS, SECOND

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
    frames: deque[AudioIn] = field(default_factory=deque)
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
        rate = self.frames[0].rate if self.frames else 0
        samples = sum(frame.pcm.size for frame in self.frames)
        return samples * 1000 // rate if rate else LONGEST // MS

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
        self._recent: deque[AudioIn] = deque()
        self.open: Utterance | None = None

    def push(self, frame: AudioIn) -> None:
        _keep(self._recent, frame, RING)
        if self.open is not None:
            _keep(self.open.frames, frame, LONGEST)

    def begin(self, position: int, audio_from: int) -> Utterance:
        """The utterance, with what was said of it before its onset was known."""
        self.open = Utterance(position, deque(self.since(audio_from)))
        return self.open

    def end(self) -> Utterance | None:
        """The utterance that is over, if one was begun."""
        utterance, self.open = self.open, None
        return utterance

    def since(self, position: int) -> list[AudioIn]:
        """The frames that hold sample ``position`` and those after it, as far as they are kept."""
        kept = self._recent if self.open is None else max(self._recent, self.open.frames, key=len)
        return [frame for frame in kept if frame.position + frame.pcm.size > position]


def _keep(frames: deque[AudioIn], frame: AudioIn, span: int) -> None:
    frames.append(frame)
    oldest = frame.position - span * frame.rate // SECOND
    while frames[0].position < oldest:
        frames.popleft()
