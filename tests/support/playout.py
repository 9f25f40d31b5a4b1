"""A playout with a loudspeaker that knows the truth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tests.support.speaker import FakeSpeaker
from tests.support.tones import tone
from voicepipe.core.clock import Clock
from voicepipe.core.frames import (
    AudioOut,
    EndOfAudio,
    Heard,
    Interrupt,
    Pcm,
    Segment,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.turns import Turns
from voicepipe.runtime.notices import SpokenNotice
from voicepipe.runtime.playout import CAPACITY, Playout


class PlayoutLine:
    """A playout with a loudspeaker that knows the truth."""

    def __init__(
        self, *, rate: int = 16_000, latency: int = 0, notices: Mapping[str, SpokenNotice] | None = None
    ) -> None:
        self.clock = Clock()
        self.turns = Turns()
        self.speaker = FakeSpeaker(self.clock, rate=rate, latency=latency)
        self.reports: list[Any] = []
        self.inbox: Inbox[Any] = Inbox("output", self.turns, capacity=CAPACITY)
        self.out: Outlet[Any] = Outlet(
            "tts", dict.fromkeys((AudioOut, EndOfAudio), (self.inbox,)), live=False
        )
        self.playout = Playout(
            self.speaker,
            clock=self.clock,
            turns=self.turns,
            report=self.reports.append,
            notices=notices,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.playout.run(self.inbox))
            try:
                yield
            finally:
                self.out.close()

    def live_turn(self) -> int:
        self.turns.prepare()
        return self.turns.commit()

    async def speak(self, turn: int, seconds: float, *, index: int = 0, rate: int = 24_000) -> Segment:
        """Send a segment that sounds for ``seconds``, as the tts stage does."""
        segment = Segment(turn=turn, index=index, text="words", rate=rate)
        await self.play(segment, tone(440, rate, seconds))
        return segment

    async def play(self, segment: Segment, pcm: Pcm) -> None:
        size = segment.rate // 50
        for start in range(0, len(pcm), size):
            if start + size >= len(pcm):
                segment.samples = len(pcm)
            await self.out.send(AudioOut(turn=segment.turn, segment=segment, pcm=pcm[start : start + size]))

    async def end(self, turn: int) -> None:
        await self.out.send(EndOfAudio(turn=turn))

    def interrupt(self, turn: int) -> None:
        self.turns.interrupt()
        self.inbox.send_control(Interrupt(turn=turn))

    def heard(self, turn: int = 1) -> dict[int, int]:
        """The last word on each segment of ``turn``."""
        return {
            report.segment.index: report.samples
            for report in self.reports
            if isinstance(report, Heard) and report.turn == turn and report.segment is not None
        }

    def finals(self) -> list[int]:
        return [report.turn for report in self.reports if isinstance(report, Heard) and report.final]
