"""One stage on a bench: what it is sent, what it sends, reports, broadcasts and records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from tests.support.workers import make_host, make_workers
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioIn, Control, Frame, Pcm, StreamFrame
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.messages import Message, ToolCall, ToolOffer
from voicepipe.core.turns import Turn, Turns
from voicepipe.providers.base import LlmProvider, ProviderConfig, SttProvider, TtsProvider, VadProvider
from voicepipe.runtime.context import Context
from voicepipe.runtime.lineup import Lineup
from voicepipe.speech.conversation import Conversation
from voicepipe.stages.base import SayMeanwhile, Stage

RATE = 16_000
FRAME = RATE // 50


class FakeTools:
    """Answers each call with ``results[name]``, or as the function that stands there says."""

    def __init__(self, **results: Any) -> None:
        self.results = results
        self.calls: list[ToolCall] = []

    def offers(self) -> list[ToolOffer]:
        return [ToolOffer(name=name, description="", parameters={}) for name in self.results]

    async def run(
        self, turn: Turn, calls: Sequence[ToolCall], *, asked_ns: int, say: SayMeanwhile | None = None
    ) -> list[Message]:
        self.calls += calls
        answers = []
        for call in calls:
            result = self.results[call.name]
            text = await result() if callable(result) else result
            answers.append(Message(role="tool", text=text, tool_call_id=call.id))
        return answers


class Bench:
    """A stage between an inbox that the test fills and one that the test reads."""

    def __init__(
        self,
        stage: Stage,
        *,
        tools: FakeTools | None = None,
        live: bool = False,
        clock: Clock | None = None,
        speculates: bool = True,
        lineup: Lineup | None = None,
        tells: frozenset[type[StreamFrame]] = frozenset(),
        told: frozenset[type[StreamFrame]] = frozenset(),
        finds_turns: bool = False,
    ) -> None:
        self.clock = clock or Clock()
        self.turns = Turns()
        self.conversation = Conversation("")
        self.tools = tools or FakeTools()
        self.reports: list[Any] = []
        self.broadcasts: list[Control] = []
        self.records: list[Any] = []
        self.inbox: Inbox[Any] = Inbox("stage", self.turns, capacity=stage.capacity)
        self.sink: Inbox[Any] = Inbox("sink", self.turns, capacity=100_000)
        ports = type(stage).ports(stage.config)
        self.into: Outlet[Any] = Outlet("test", dict.fromkeys(ports.takes, (self.inbox,)), live=live)
        self._out: Outlet[Any] = Outlet("stage", dict.fromkeys(ports.gives, (self.sink,)), live=False)
        self._stage = stage
        self.context = Context(
            session="test",
            slot=stage.kind,
            clock=self.clock,
            turns=self.turns,
            workers=make_workers(),
            conversation=self.conversation,
            tools=self.tools,
            speculates=speculates,
            tells=tells,
            told=told,
            finds_turns=finds_turns,
            lineup=lineup or self._alone(stage),
            report=self.reports.append,
            broadcast=self.broadcasts.append,
            record=self.records.append,
        )

    def _alone(self, stage: Stage) -> Lineup | None:
        """The stage's provider, whose calls aren't made again."""
        if stage.provider is None:
            return None
        return Lineup([stage.provider], clock=self.clock, deadlines=getattr(stage.config, "timeout", None))

    async def run(self) -> None:
        """Until the inbox has come to its end."""
        try:
            await self._stage.run(self.context, self.inbox, self._out)
        finally:
            self._out.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """The stage runs beside the body; after it, the inbox is closed and the stage has ended."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.run())
            try:
                yield task
            finally:
                self.into.close()

    async def given(self, *frames: Frame) -> list[Any]:
        """Send ``frames``, close, and return all that the stage sends."""
        async with self.running():
            for frame in frames:
                await self.into.send(frame)
        return await self.sent()

    async def run_alone(self, *frames: Frame) -> None:
        """The stage in the caller's own task, so that its exceptions arrive as they are."""
        for frame in frames:
            self.inbox.offer(frame)
        self.into.close()
        await self.run()

    async def sent(self) -> list[Any]:
        """What the stage has sent and nobody has taken yet; without waiting."""
        self.sink.open()  # or else reading past the end would raise
        taken = []
        while self.sink.statistics()["waiting"]:
            reading = asyncio.ensure_future(anext(self.sink))
            await asyncio.sleep(0)
            if reading.done():
                taken.append(reading.result())
            else:  # all that waited was dead
                reading.cancel()
        self.sink.close()
        return taken

    def of(self, kind: type[Any]) -> list[Any]:
        """The records of ``kind``."""
        return [record for record in self.records if isinstance(record, kind)]

    def live_turn(self, text: str = "hello") -> int:
        """A committed turn, as the turn stage would begin it."""
        turn = self.turns.prepare()
        self.conversation.begin(turn, text)
        self.turns.commit()
        self.conversation.commit(turn)
        return turn


async def settle(steps: int = 10) -> None:
    """Let everything run that doesn't wait for time."""
    for _ in range(steps):
        await asyncio.sleep(0)


def frames_of(pcm: Pcm, rate: int = RATE, position: int = 0, caption: str | None = None) -> list[AudioIn]:
    """``pcm`` as microphone frames of 20 ms; the first carries the caption."""
    size = rate // 50
    return [
        AudioIn(
            pcm=pcm[start : start + size],
            position=position + start,
            rate=rate,
            caption=caption if start == 0 else None,
        )
        for start in range(0, len(pcm), size)
    ]


def counted(samples: int, start: int = 0) -> Pcm:
    """Audio in which each sample tells its own position, modulo 2¹⁵."""
    return (np.arange(start, start + samples) % 2**15).astype(np.int16)


# ── providers that are a function ────────────────────────────────────────────────────────────────

Transcribe = Callable[[Call, AsyncIterator[Pcm]], AsyncIterator[Any]]
Generate = Callable[[Call, Sequence[Message], Sequence[ToolOffer]], AsyncIterator[Any]]
Synthesize = Callable[[Call, str], AsyncIterator[Any]]


class LoudIsSpeech(VadProvider):
    """Hears speech wherever a window isn't silent, and keeps the windows."""

    name = "loud"

    def __init__(self, window: int = 512) -> None:
        super().__init__(ProviderConfig(), make_host())
        self.window = window
        self.windows: list[Pcm] = []
        self.rates: list[int] = []

    def open(self, rate: int) -> LoudIsSpeech:
        self.rates.append(rate)
        return self

    def probability(self, window: Pcm) -> float:
        self.windows.append(window.copy())
        return float(np.abs(window).max() > 1000)


class FakeStt(SttProvider):
    name = "fake-stt"

    def __init__(self, transcribe: Transcribe, *, rate: int = RATE, captions: bool = False) -> None:
        super().__init__(ProviderConfig(), make_host())
        self._transcribe = transcribe
        self.rate = rate  # type: ignore[misc]  # one class for the tests of several rates
        self.captions = captions  # type: ignore[misc]

    def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Any]:
        return self._transcribe(call, audio)


class FakeLlm(LlmProvider):
    name = "fake-llm"

    def __init__(self, generate: Generate) -> None:
        super().__init__(ProviderConfig(), make_host())
        self._generate = generate

    def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[Any]:
        return self._generate(call, messages, tools)


class FakeTts(TtsProvider):
    name = "fake-tts"

    def __init__(self, synthesize: Synthesize, *, rate: int = RATE) -> None:
        super().__init__(ProviderConfig(), make_host())
        self._synthesize = synthesize
        self._rate = rate

    @property
    def rate(self) -> int:
        return self._rate

    def synthesize(self, call: Call, text: str) -> AsyncIterator[Any]:
        return self._synthesize(call, text)
