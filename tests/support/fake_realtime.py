"""A fused model in memory: what is in its server's buffer and conversation, and how it fails."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from tests.support.stages import FRAME, RATE, Bench, settle
from tests.support.workers import make_host
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import (
    AudioIn,
    EndOfText,
    Pcm,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    UserTurn,
)
from voicepipe.core.messages import Message, ToolCall
from voicepipe.core.records import UsageUnit
from voicepipe.core.retries import RetryLimits
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis, ProviderConfig
from voicepipe.providers.realtime_base import (
    CallerItem,
    RealtimeProvider,
    RealtimeSetup,
    ReplyAudio,
    ReplyText,
)
from voicepipe.runtime.lineup import Lineup
from voicepipe.stages.base import Agent
from voicepipe.stages.realtime import Realtime, RealtimeConfig

Reply = list[str | ToolCall | Pcm]


def lost() -> ProviderError:
    return ProviderError("reset", provider="fake", kind="connection", retryable=True)


class FakeConnection:
    """``items``: ``(id, what)``; an utterance is its samples, everything else words."""

    def __init__(self, model: FakeRealtime, setup: RealtimeSetup, number: int) -> None:
        self.setup = setup
        self.items: list[tuple[str, Any]] = []
        self.buffer: list[Pcm] = []
        self.given: list[Pcm] = []
        """All that was ever put into the buffer."""
        self.asked: list[list[Any]] = []
        """The conversation at each request for a reply."""
        self._model = model
        self._number = number
        self._names = 0
        self._over = asyncio.Event()
        self._told: deque[Any] = deque()
        self._news = asyncio.Event()

    # ── the test's side ──────────────────────────────────────────────────────────────────────────

    def lose(self) -> None:
        self._over.set()
        self._news.set()

    def tell(self, event: Any) -> None:
        self._told.append(event)
        self._news.set()

    def place(self, what: Any) -> str:
        self._names += 1
        name = f"c{self._number}i{self._names}"
        self.items.append((name, what))
        return name

    @property
    def over(self) -> bool:
        return self._over.is_set()

    @property
    def conversation(self) -> list[Any]:
        return [what for _, what in self.items]

    # ── the stage's side ─────────────────────────────────────────────────────────────────────────

    def _check(self) -> None:
        if self._over.is_set():
            raise lost()

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return
        raise lost()

    async def events(self) -> AsyncGenerator[Any, None]:
        while self._told or not self._over.is_set():
            while self._told:
                yield self._told.popleft()
            self._news.clear()
            if not self._over.is_set():
                await self._news.wait()
        raise lost()

    async def append(self, pcm: Pcm) -> None:
        self._check()
        self.buffer.append(pcm)
        self.given.append(pcm)
        if self._model.slow:  # the socket takes no more at once
            await asyncio.sleep(self._model.slow)

    async def clear(self) -> None:
        self._check()
        self.buffer.clear()

    async def hear(self, call: Call, item_id: str | None = None) -> AsyncGenerator[Any, None]:
        self._check()
        self._model.hears += 1
        if item_id is None:
            samples = np.concatenate(self.buffer) if self.buffer else np.zeros(0, np.int16)
            self.buffer.clear()
            if not samples.size:
                yield Hypothesis(text="", final=True)
                return
            await self._wait(self._model.commit_takes)
            item_id = self.place(samples)
        yield CallerItem(item_id=item_id)
        await self._wait(self._model.words_take)
        yield Hypothesis(text=self._model.words.pop(0) if self._model.words else "", final=True)

    async def respond(
        self, call: Call, *, say: str | None = None, remember: bool = True
    ) -> AsyncGenerator[Any, None]:
        self._check()
        if remember:
            self.asked.append(self.conversation)
        reply: Reply = [say] if say is not None else self._model.reply()
        name = self.place("") if remember else "aside"
        for piece in reply:
            await self._wait(0.01)
            if isinstance(piece, str):
                yield ReplyText(item_id=name, text=piece)
                if remember:
                    self._set(name, "".join([self._text(name), piece]))
            elif isinstance(piece, ToolCall):
                yield piece
            else:
                yield ReplyAudio(item_id=name, pcm=piece)

    def _text(self, name: str) -> str:
        return str(dict(self.items)[name])

    def _set(self, name: str, what: Any) -> None:
        self.items = [(one, what if one == name else old) for one, old in self.items]

    async def add(self, message: Message, *, before: str | None = None) -> str:
        self._check()
        name = self.place(f"{message.role}: {message.text}")
        if before is not None:
            item = self.items.pop()
            self.items.insert([one for one, _ in self.items].index(before), item)
        return name

    async def replace(self, item_id: str, message: Message) -> str:
        name = await self.add(message, before=item_id)
        await self.delete(item_id)
        return name

    async def truncate(self, item_id: str, audio_ms: int) -> None:
        self._check()
        self._set(item_id, f"{self._text(item_id)} [{audio_ms}]")

    async def delete(self, item_id: str) -> None:
        self._check()
        self.items = [item for item in self.items if item[0] != item_id]


class FakeRealtime(RealtimeProvider):
    """``replies`` are given in turn, then an empty one; ``words`` are those of the utterances, in turn.

    ``refusals``: how the next attempts to connect end, None: with a connection.
    """

    name = "fake"
    connection: type[FakeConnection] = FakeConnection
    rate_in = RATE
    rate = 24_000

    def __init__(self, *replies: Reply, words: tuple[str, ...] = ()) -> None:
        super().__init__(ProviderConfig(), make_host())
        self.replies = list(replies)
        self.words = list(words)
        self.refusals: list[ProviderError | None] = []
        self.connections: list[FakeConnection] = []
        self.attempts: list[int] = []
        """When it was tried to connect, in session time."""
        self.on_connect: Callable[[FakeConnection], None] = lambda connection: None
        self.slow = self.words_take = 0.0
        self.commit_takes = self.connect_takes = 0.05
        self.close_takes = 0.0
        self.hears = 0

    def billed(self, silence_ms: int) -> Mapping[UsageUnit, int]:
        return {"audio_tokens_in": silence_ms // 100}

    @property
    def last(self) -> FakeConnection:
        return self.connections[-1]

    def reply(self) -> Reply:
        return self.replies.pop(0) if self.replies else []

    @asynccontextmanager
    async def connect(self, call: Call, setup: RealtimeSetup) -> AsyncIterator[Any]:
        clock: Clock = call.clock
        self.attempts.append(clock.now())
        await asyncio.sleep(self.connect_takes)
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            raise refusal
        connection = self.connection(self, setup, len(self.connections) + 1)
        self.connections.append(connection)
        self.on_connect(connection)
        try:
            yield connection
        finally:
            connection.lose()
            await asyncio.sleep(self.close_takes)


class OnTheLine:
    """A session of the realtime stage with such a model: its caller, and the turns that are made of it."""

    def __init__(
        self,
        model: FakeRealtime,
        *,
        finds_turns: bool = False,
        fallback: FakeRealtime | None = None,
        **config: Any,
    ) -> None:
        stage = Realtime(RealtimeConfig(**config), model, Agent())
        clock = Clock()
        self.model = model
        self.bench = Bench(
            stage,
            clock=clock,
            lineup=Lineup([model, *([fallback] if fallback else [])], clock=clock, limits=RetryLimits()),
            tells=frozenset({Transcript, SpeechStarted, SpeechStopped} if finds_turns else {Transcript}),
            finds_turns=finds_turns,
        )
        self.position = 0
        self.frames: list[Any] = []
        """What the stage has sent."""

    async def silence(self, ms: int) -> None:
        """Microphone frames, in time; each sample tells the number of its frame."""
        for _ in range(ms // 20):
            pcm = np.full(FRAME, self.position // FRAME, np.int16)
            await self.bench.into.send(AudioIn(pcm=pcm, position=self.position, rate=RATE))
            self.position += FRAME
            await self.bench.clock.sleep(20 * MS)

    async def begin(self, padding_ms: int = 0) -> int:
        """The caller begins to speak; the name of the utterance."""
        now, onset = self.bench.clock.now(), self.position
        audio_from = onset - padding_ms * RATE // 1000
        await self.bench.into.send(
            SpeechStarted(position=onset, audio_from=audio_from, onset_ns=now, at_ns=now)
        )
        return onset

    async def end(self) -> None:
        now = self.bench.clock.now()
        await self.bench.into.send(SpeechStopped(position=self.position, offset_ns=now, at_ns=now))
        await settle()

    async def say(self, ms: int, padding_ms: int = 0) -> int:
        onset = await self.begin(padding_ms)
        await self.silence(ms)
        await self.end()
        return onset

    async def ask(self, *utterances: int, text: str = "", **fields: Any) -> int:
        """The caller's turn is over; its id."""
        turns, conversation = self.bench.turns, self.bench.conversation
        turn = turns.prepare()
        conversation.begin(turn, text or str(fields.get("typed", "")), utterances)
        turns.commit()
        conversation.commit(turn)
        through = max(utterances, default=self.position)
        frame = UserTurn(turn=turn, text=text, utterances=utterances, through=through, **fields)
        await self.bench.into.send(frame)
        return turn

    async def over(self, turn: int, *, completed: bool = True) -> None:
        """All of the reply has come, and the turn ends."""
        while not any(isinstance(frame, EndOfText) and frame.turn == turn for frame in self.frames):
            self.frames += await self.bench.sent()
            await self.bench.clock.sleep(10 * MS)
        self.end_turn(turn, completed=completed)

    def end_turn(self, turn: int, *, completed: bool) -> None:
        self.bench.turns.interrupt()
        self.bench.conversation.finish(turn, completed=completed)

    @property
    def finals(self) -> list[str]:
        """The words of the utterances."""
        return [frame.text for frame in self.bench.reports if isinstance(frame, Transcript) and frame.final]


def call(model: FakeRealtime, story: Callable[[OnTheLine], Awaitable[None]], **options: Any) -> OnTheLine:
    """``story`` on a simulated clock; the stage ends with it."""

    async def main() -> OnTheLine:
        line = OnTheLine(model, **options)
        async with line.bench.running():
            await story(line)
        return line

    return run_on("simulated", main())


def spans(item: Pcm) -> tuple[int, int]:
    """From which ms to which an utterance goes; it must have no gap."""
    frames = [int(number) for number in item[::FRAME]]
    assert frames == list(range(frames[0], frames[-1] + 1)), "there is a gap, or somebody else's audio"
    return frames[0] * 20, (frames[-1] + 1) * 20
