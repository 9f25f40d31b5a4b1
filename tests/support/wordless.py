"""Two stand-ins: espeak as a voice that tells no words, and a caller who types at a given moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioIn, Heard, PlaybackStarted, Segment, Talk, TypedText, Word
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import Line
from voicepipe.core.units import MS
from voicepipe.providers.base import Speech
from voicepipe.providers.espeak import Espeak


class Wordless(Espeak):
    """Keeps the words to itself. Used as ``tests.support.wordless:Wordless``."""

    name = "wordless"
    kept: ClassVar[dict[str, list[Word]]] = {}
    """What was spoken → its words."""

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        words: list[Word] = []
        self.kept[text.rstrip(",")] = words
        async for event in super().synthesize(call, text):
            if isinstance(event, Word):
                words.append(event)
            else:
                yield event


class Typist:
    """Types a question, and something else ``after_ms`` of hearing the reply. An input and an observer."""

    live: ClassVar[bool] = False
    rate = 16_000

    def __init__(self, clock: Clock, after_ms: int) -> None:
        self._clock = clock
        self._after_ms = after_ms
        self._began = asyncio.Event()
        self.heard: dict[int, tuple[Segment, int]] = {}
        """What playout says was heard of the first reply, by the segments' numbers."""

    def __call__(self, at_ns: int, event: Any) -> None:
        if isinstance(event, PlaybackStarted):
            self._began.set()
        elif isinstance(event, Heard) and event.turn == 1 and event.segment is not None:
            self.heard[event.segment.index] = (event.segment, event.samples)

    async def run(self, out: Outlet[AudioIn | Talk | TypedText], line: Line) -> None:
        await out.send(TypedText(text="Well?", at_ns=self._clock.now()))
        await self._began.wait()
        await self._clock.sleep(self._after_ms * MS)
        await out.send(TypedText(text="Stop.", at_ns=self._clock.now()))
        while line.idle_since is None:
            await self._clock.sleep(20 * MS)
