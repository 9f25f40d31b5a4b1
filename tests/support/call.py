"""A whole call on a virtual clock: a scripted caller, the cascade of fakes, a loudspeaker with the truth."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from tests.support.speaker import FakeSpeaker
from tests.support.stages import FakeLlm, FakeStt, FakeTts, LoudIsSpeech
from tests.support.tones import tone
from tests.support.workers import make_workers
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioIn, Pcm, TypedText
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import FromCaller, Line
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.core.ports import ports_of
from voicepipe.core.records import TurnEnded
from voicepipe.core.units import MS
from voicepipe.providers.base import Hypothesis, Provider, Speech, Word
from voicepipe.runtime.graph import Node, compile_graph
from voicepipe.runtime.lineup import Lineup
from voicepipe.runtime.notices import SpokenNotice
from voicepipe.runtime.session import Session, Slot
from voicepipe.runtime.tools import ToolSet
from voicepipe.stages.base import Agent, ProviderSlotConfig, Stage
from voicepipe.stages.llm import Llm, LlmConfig
from voicepipe.stages.stt import Stt
from voicepipe.stages.tts import Tts, TtsConfig
from voicepipe.stages.turn import TurnConfig, TurnStage
from voicepipe.stages.vad import Vad, VadConfig

RATE = 16_000
FRAME = RATE // 50
WORD_MS = 400
"""How long the fake voice speaks on each word."""

PLAIN = TurnConfig(strategy="silence", min_silence="500ms", speculate=())
"""A fixed wait, and nothing begun before it is over."""

Answer = Sequence[str | ToolCall | Exception]
Script = Callable[["Caller"], Awaitable[None]]


class Caller:
    """An ``AudioInput`` that does what ``script`` says, in real time, and leaves."""

    rate = RATE
    live: ClassVar[bool] = False

    def __init__(self, script: Script) -> None:
        self._script = script
        self._position = 0
        self.out: Outlet[Any]
        self.line: Line

    async def run(self, out: Outlet[FromCaller], line: Line) -> None:
        self.out, self.line = out, line
        await self._script(self)

    async def say(self, words: str, seconds: float = 1.0) -> None:
        """Speak ``words``, without waiting for what comes of it."""
        await self._send(np.full(round(seconds * RATE), 8000, np.int16), words)

    async def silence(self, seconds: float) -> None:
        await self._send(np.zeros(round(seconds * RATE), np.int16))

    async def ask(self, words: str, seconds: float = 1.0) -> None:
        """Speak ``words``, pause long enough to be answered, and listen to the end."""
        await self.say(words, seconds)
        await self.listen()

    async def listen(self) -> None:
        await self.silence(1.0)
        while self.line.idle_since is None:
            await self.silence(0.1)

    async def type(self, words: str) -> None:
        await self.out.send(TypedText(text=words, at_ns=self.line.clock.now()))

    async def _send(self, pcm: Pcm, caption: str | None = None) -> None:
        for start in range(0, len(pcm), FRAME):
            frame = AudioIn(
                pcm=pcm[start : start + FRAME],
                position=self._position,
                rate=RATE,
                caption=caption if start == 0 else None,
            )
            self._position += len(frame.pcm)
            await self.line.clock.sleep_until(self._position * 1000 // RATE * MS)
            await self.out.send(frame)


async def hear_captions(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
    """Understands the captions, 100 ms after the pause."""
    async for _ in audio:
        pass
    await call.clock.sleep(100 * MS)
    yield Hypothesis(text=" ".join(call.captions), final=True)


class Answers:
    """A model that answers each request with the next list; a word takes 20 ms. Keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[list[Message]] = []

    async def __call__(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        self.asked.append(list(messages))
        call.add_usage("requests", 1)
        for event in self._answers.pop(0):
            await call.clock.sleep(20 * MS)
            if isinstance(event, Exception):
                raise event
            yield event if isinstance(event, ToolCall) else TextDelta(text=event)


async def hum(call: Call, text: str) -> AsyncIterator[Speech | Word]:
    """A tone of ``WORD_MS`` for each word, with its times, much faster than it sounds."""
    for number, word in enumerate(text.split()):
        await call.clock.sleep(10 * MS)
        yield Word(text=word, start_ms=number * WORD_MS, end_ms=(number + 1) * WORD_MS)
        yield Speech(pcm=tone(300, 24_000, WORD_MS / 1000))


class Held:
    """One call from the outside: its session, its events with their times, and what was heard."""

    def __init__(
        self,
        *answers: Answer,
        agent: Agent | None = None,
        tools: ToolSet | None = None,
        stages: Mapping[str, Stage] | None = None,
        speaker: FakeSpeaker | None = None,
        turn: TurnConfig = PLAIN,
        clock: Clock | None = None,
        notices: Mapping[str, SpokenNotice] | None = None,
        fallbacks: Mapping[str, Provider] | None = None,
    ) -> None:
        clock = clock or Clock()
        agent = agent or Agent()
        self.model = Answers(*answers)
        self.speaker = speaker or FakeSpeaker(clock, latency=30 * MS)
        self.events: list[tuple[int, Any]] = []
        slots = cascade(self.model, agent, turn) | dict(stages or {})
        self.session = Session(
            name="test",
            graph=compile_graph(
                [
                    Node(name, ports_of(type(stage).run), optional=stage.optional)
                    for name, stage in slots.items()
                ]
            ),
            slots=[
                Slot(name, stage, stage.provider, lineup_of(name, stage, fallbacks or {}, clock))
                for name, stage in slots.items()
            ],
            agent=agent,
            tools=tools or ToolSet(),
            workers=make_workers(),
            clock=clock,
            notices=notices,
        )
        self.session.observe(lambda at, event: self.events.append((at, event)))

    async def call(self, script: Script) -> None:
        await self.session.run(Caller(script), self.speaker)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for _, event in self.events if isinstance(event, kind)]

    def turns(self) -> list[tuple[str, str]]:
        """How each turn ended, and what was heard of it."""
        return [(turn.status, turn.heard) for turn in self.of(TurnEnded)]


def lineup_of(name: str, stage: Stage, fallbacks: Mapping[str, Provider], clock: Clock) -> Lineup | None:
    """None where there is no fallback: then the session makes one itself."""
    if name not in fallbacks:
        return None
    return Lineup.of(stage.config, [stage.provider, fallbacks[name]], clock=clock, seed=name)


def cascade(model: Answers, agent: Agent, turn: TurnConfig = PLAIN) -> dict[str, Stage]:
    providers: dict[str, Provider] = {
        "vad": LoudIsSpeech(),
        "stt": FakeStt(hear_captions, captions=True),
        "llm": FakeLlm(model),
        "tts": FakeTts(hum, rate=24_000),
    }
    return {
        "vad": Vad(VadConfig(), providers["vad"], agent),
        "stt": Stt(ProviderSlotConfig(), providers["stt"], agent),
        "turn": TurnStage(turn, None, agent),
        "llm": Llm(LlmConfig(), providers["llm"], agent),
        "tts": Tts(TtsConfig(), providers["tts"], agent),
    }
