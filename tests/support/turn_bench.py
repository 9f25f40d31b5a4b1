"""The turn stage on a bench, told what the other stages would tell it."""

from __future__ import annotations

from typing import Any

from tests.support.stages import Bench, settle
from voicepipe.core.clock import Clock
from voicepipe.core.frames import (
    Heard,
    PlaybackStarted,
    Segment,
    Shutdown,
    SpeechPaused,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    TypedText,
)
from voicepipe.core.records import StateChanged
from voicepipe.core.units import SECOND
from voicepipe.stages.base import Agent
from voicepipe.stages.turn import TurnConfig, TurnStage

RATE = 16_000
HELLO = Segment(turn=1, index=0, text="Hello there my friend.", rate=RATE, samples=RATE)


class TurnBench(Bench):
    """Turns end after half a second of silence and nothing is drafted, unless told otherwise."""

    def __init__(
        self,
        *,
        agent: Agent | None = None,
        greeting: str | None = None,
        clock: Clock | None = None,
        **config: Any,
    ) -> None:
        config = {"strategy": "silence", "min_silence": "500ms", "speculate": []} | config
        agent = agent or Agent(greeting=greeting)
        super().__init__(TurnStage(TurnConfig(**config), None, agent), clock=clock)

    async def say(self, text: str, *, position: int = 0) -> None:
        """The caller says ``text``, and its transcript comes with the pause. Then time passes."""
        now = self.clock.now()
        start = SpeechStarted(position=position, audio_from=position, onset_ns=now, at_ns=now)
        await self.into.send(start)
        await self.clock.sleep(SECOND)
        await self.into.send(SpeechStopped(position=position + 1, offset_ns=now + SECOND, at_ns=now + SECOND))
        await self.into.send(
            Transcript(utterance=position, revision=0, text=text, final=True, at_ns=self.clock.now())
        )
        await self.clock.sleep(SECOND)

    async def speak(self, *, position: int = 0) -> None:
        """Speech begins, and is noticed."""
        now = self.clock.now()
        await self.into.send(SpeechStarted(position=position, audio_from=position, onset_ns=now, at_ns=now))
        await settle()

    async def pause(self) -> None:
        """The first sign of its end."""
        now = self.clock.now()
        await self.into.send(SpeechPaused(position=0, offset_ns=now, at_ns=now))
        await settle()

    async def transcribe(self, text: str, *, position: int = 0, final: bool = True) -> None:
        await self.into.send(
            Transcript(utterance=position, revision=0, text=text, final=final, at_ns=self.clock.now())
        )
        await settle()

    async def pause_after(self, text: str, *, final: bool = True) -> None:
        """The caller says ``text`` in a second, and may have finished."""
        await self.speak()
        await self.clock.sleep(SECOND)
        await self.pause()
        await self.transcribe(text, final=final)

    async def interrupted_by_typing(self) -> None:
        """A second turn is due, and playout hasn't told yet what was heard of the first."""
        await self.type("first")
        self.conversation.add_text(1, "Hello there my friend.")
        await self.play(1)
        await self.sent()
        await self.type("second")

    async def type(self, text: str) -> None:
        await self.into.send(TypedText(text=text, at_ns=self.clock.now()))
        await settle()

    async def tell(self, upward: Any) -> None:
        self.inbox.send_control(upward)
        await settle()

    async def play(self, turn: int) -> None:
        await self.tell(PlaybackStarted(turn=turn, at_ns=self.clock.now()))

    async def hear(self, turn: int, samples: int = RATE, segment: Segment = HELLO) -> None:
        """Playout's last word on ``turn``."""
        now = self.clock.now()
        self.inbox.send_control(Heard(turn=turn, segment=segment, samples=samples, final=False, at_ns=now))
        await self.tell(Heard(turn=turn, segment=None, samples=0, final=True, at_ns=now))

    async def hang_up(self) -> None:
        await self.tell(Shutdown(reason="test"))

    def states(self) -> list[str]:
        return [record.state for record in self.of(StateChanged)]
