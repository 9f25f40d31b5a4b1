"""Calls in which anything may happen at any time, and everything that must hold of them nevertheless."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from tests.support.call import RATE, WORD_MS, Caller, Held
from tests.support.speaker import QUEUE, FakeSpeaker
from tests.support.stages import FakeLlm, FakeStt, FakeTts, settle
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Interrupt, Pcm, Talk
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.core.records import ToolFinished, ToolStarted, TurnBegan, TurnDrafted, TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis, Provider, Speech, Word
from voicepipe.runtime.notices import SpokenNotice
from voicepipe.runtime.tools import ToolSet
from voicepipe.speech.notices import NAMES
from voicepipe.speech.tools import tool, tool_spec
from voicepipe.speech.turn_rules import MAX_NOTICES
from voicepipe.stages.base import Agent, Deadlines, ReplaceableConfig, Stage
from voicepipe.stages.llm import Llm, LlmConfig
from voicepipe.stages.stt import Stt
from voicepipe.stages.tts import Tts, TtsConfig
from voicepipe.stages.turn import TurnConfig

FADE = 5 * MS
LOUD = 8000
"""The voice's audio is this and the turn's number, so that it can be told whose it is."""

DEAD_AIR = 2 * SECOND
SHIPPED = TurnConfig(dead_air="2s")
"""The defaults, but for less patience: a call that fails is over sooner."""

REST = 2 * ((MAX_NOTICES + 2) * DEAD_AIR + 30 * SECOND)
"""Within it a caller who says nothing more finds the agent idle: twice a reply that never comes (what was
said over the first is answered by the second), each with the longest thing that is said."""


@dataclass(frozen=True)
class Happening:
    """After ``gap_ms`` of silence, ``what`` of ``ms``."""

    gap_ms: int
    what: str
    ms: int = 0


@dataclass(frozen=True)
class Plan:
    """A call: what the caller does, and what the providers do one call after the other."""

    caller: Sequence[Happening]
    stt: Sequence[str] = ("final",)
    llm: Sequence[str] = ("short",)
    tts: Sequence[str] = ("quick",)
    greeting: str | None = None
    interruptible: bool = True
    turn: TurnConfig = SHIPPED
    fallbacks: Sequence[str] = ()
    """The slots that have one; it does what its slot's list says, from the last backwards."""


NOTICES = NAMES
"""Their words are what they are called."""

SAID = {
    "speaks": "where is my order",
    "stops": "stop",
    "agrees": "okay",
    "begins": "my number is",
    "coughs": "",
}


class CountingClock(Clock):
    """Knows which of its timers are set."""

    def __init__(self) -> None:
        super().__init__()
        self._timers: list[tuple[int, asyncio.TimerHandle, list[bool]]] = []

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> asyncio.TimerHandle:
        rang: list[bool] = []

        def ring() -> None:
            rang.append(True)
            callback()

        handle = super().call_at(at_ns, ring)
        self._timers.append((at_ns, handle, rang))
        return handle

    def still_set(self) -> list[int]:
        return [at for at, handle, rang in self._timers if not handle.cancelled() and not rang]


class Ear(FakeSpeaker):
    """Knows whose each block is, and when it left the loudspeaker."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, latency=30 * MS)
        self.live: Callable[[], int | None]
        self.owners: dict[int, int | None] = {}

    async def write(self, pcm: Pcm) -> None:
        owner = self.live()
        peak = int(pcm.max(initial=0))
        if peak > LOUD:  # neither ducked nor faded
            assert peak - LOUD == owner, f"audio of turn {peak - LOUD} was played in turn {owner}"
        self.owners[max(self._end, self._clock.now() + self._latency)] = owner
        await super().write(pcm)

    def left(self) -> list[tuple[int | None, int, int]]:
        """Whose block it was, and when its first and its last sample left."""
        return [
            (self.owners[start], start, start + len(pcm) * SECOND // self.rate)
            for start, pcm in self._blocks
            if len(pcm)
        ]


# ── providers that do anything ───────────────────────────────────────────────────────────────────


class Moods:
    """The next thing to do, again and again."""

    def __init__(self, moods: Sequence[str]) -> None:
        self._moods, self._next = moods, count()

    def next(self) -> str:
        return self._moods[next(self._next) % len(self._moods)]


def gone(provider: str) -> ProviderError:
    return ProviderError("gone", provider=provider, kind="connection", retryable=True)


def listener(moods: Moods) -> Any:
    async def transcribe(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        mood, heard = moods.next(), 0
        async for block in audio:
            heard += len(block)
            if mood == "partials" and call.captions:
                yield Hypothesis(text=" ".join(call.captions), final=False)
        if mood == "fails":
            raise gone("stt")
        if mood == "hangs":
            await asyncio.Event().wait()
        await call.clock.sleep((1500 if mood == "slow" else 100) * MS)
        yield Hypothesis(text=" ".join(call.captions), final=True)

    return transcribe


def writer(moods: Moods, mark: str = "") -> Any:
    """``mark`` tells its words and its calls from those of others."""
    words, ids = count(), count()

    async def generate(
        call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        mood = moods.next()
        call.add_usage("requests", 1)
        if mood == "hangs":
            await asyncio.Event().wait()
        await call.clock.sleep((3000 if mood == "slow" else 50) * MS)
        if mood == "fails":
            raise gone("llm")
        length = {"empty": 0, "long": 24, "asks": 4}.get(mood, 6)
        for number in range(length):
            await call.clock.sleep(20 * MS)
            if mood == "breaks" and number == 4:
                raise gone("llm")
            yield TextDelta(text=f"w{mark}{next(words)}{'?' if mood == 'asks' and number == 3 else ''} ")
        if mood.startswith("tool ") and messages[-1].role != "tool":
            yield ToolCall(id=f"c{mark}{next(ids)}", name=mood.removeprefix("tool "), arguments="{}")

    return generate


def speaker(moods: Moods) -> Any:
    async def synthesize(call: Call, text: str) -> AsyncIterator[Speech | Word]:
        mood = moods.next()
        assert call.turn is not None
        if mood == "hangs":
            await asyncio.Event().wait()
        for number, word in enumerate(text.split()):
            if mood == "fails" and number == 2:
                raise gone("tts")
            await call.clock.sleep((600 if mood == "slow" else 10) * MS)
            yield Word(text=word, start_ms=number * WORD_MS, end_ms=(number + 1) * WORD_MS)
            yield Speech(pcm=np.full(RATE * WORD_MS // 1000, LOUD + call.turn, np.int16))

    return synthesize


def tools(clock: Clock) -> ToolSet:
    @tool(side_effect=False)
    async def looks() -> str:
        """Looks something up."""
        await clock.sleep(SECOND)
        return "found"

    @tool
    async def books() -> str:
        """Books something, which can't be undone."""
        await clock.sleep(2 * SECOND)
        return "booked"

    @tool
    async def breaks() -> str:
        """Doesn't work."""
        await clock.sleep(200 * MS)
        raise RuntimeError("broken")

    @tool(timeout="3s")
    async def dawdles() -> str:
        """Never comes back."""
        await clock.sleep(3600 * SECOND)
        return "never"

    return ToolSet(specs=tuple(tool_spec(one) for one in (looks, books, breaks, dawdles)))


# ── the call ─────────────────────────────────────────────────────────────────────────────────────


class AnyCall:
    """Holds the call of ``plan``; ``check`` says what doesn't hold."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.clock = CountingClock()
        self.ear = Ear(self.clock)
        agent = Agent(greeting=plan.greeting, greeting_interruptible=plan.interruptible)
        notice = np.full(RATE, 4000, np.int16)
        self.held = Held(
            agent=agent,
            tools=tools(self.clock),
            stages=self._stages(agent),
            speaker=self.ear,
            turn=plan.turn,
            clock=self.clock,
            notices={name: SpokenNotice(name, RATE, notice) for name in NOTICES},
            fallbacks=self._fallbacks(),
        )
        self.ear.live = lambda: self.held.session.turns.live
        self.dead: dict[int, int] = {}
        self._watch()

    def _fallbacks(self) -> dict[str, Provider]:
        stt, llm, tts = (Moods(moods[::-1]) for moods in (self._plan.stt, self._plan.llm, self._plan.tts))
        providers: dict[str, Provider] = {
            "stt": FakeStt(listener(stt), captions=True),
            "llm": FakeLlm(writer(llm, "x")),
            "tts": FakeTts(speaker(tts), rate=RATE),
        }
        return {slot: providers[slot] for slot in self._plan.fallbacks}

    def _stages(self, agent: Agent) -> dict[str, Stage]:
        plan = self._plan
        patience = Deadlines(first="6s", gap="3s")
        return {
            "stt": Stt(
                ReplaceableConfig(timeout=patience), FakeStt(listener(Moods(plan.stt)), captions=True), agent
            ),
            "llm": Llm(LlmConfig(timeout=patience), FakeLlm(writer(Moods(plan.llm))), agent),
            "tts": Tts(TtsConfig(timeout=patience), FakeTts(speaker(Moods(plan.tts)), rate=RATE), agent),
        }

    def _watch(self) -> None:
        broadcast = self.held.session._broadcast

        def noting(control: Any) -> None:
            if isinstance(control, Interrupt):
                self.dead[control.turn] = self.clock.now()
            broadcast(control)

        self.held.session._broadcast = noting  # type: ignore[method-assign]  # no observer sees downward control

    async def hold(self) -> None:
        await self.held.call(self._script)
        await settle(50)

    async def _script(self, caller: Caller) -> None:
        for happening in self._plan.caller:
            await caller.silence(happening.gap_ms / 1000)
            if happening.what == "hangs up":
                return
            await self._do(caller, happening)
        at_rest = self.clock.now() + REST
        await caller.silence(1.0)
        while caller.line.idle_since is None:
            assert self.clock.now() < at_rest, "the agent doesn't come to rest"
            await caller.silence(0.5)

    async def _do(self, caller: Caller, happening: Happening) -> None:
        if happening.what in SAID:
            await caller.say(SAID[happening.what], happening.ms / 1000)
        elif happening.what == "talks":
            await caller.out.send(Talk(pressed=True, at_ns=self.clock.now()))
            await caller.say("where is my order", happening.ms / 1000)
            await caller.out.send(Talk(pressed=False, at_ns=self.clock.now()))
        elif happening.what == "types":
            await caller.type("another question")
        elif happening.what == "skips":
            self.held.session.skip()
        else:
            self.held.session.repeat()

    # ── what must hold ───────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        self._no_audio_of_the_dead()
        self._history_is_what_was_heard()
        self._one_result_for_each_tool_call()
        self._one_end_for_each_turn()
        self._nothing_is_left()

    def _no_audio_of_the_dead(self) -> None:
        for turn, _, end in self.ear.left():
            assert turn is not None, "audio of no turn was played"
            died = self.dead.get(turn)
            assert died is None or end <= died + FADE, (
                f"turn {turn} died at {died} and was heard until {end} (queue {QUEUE})"
            )

    def _history_is_what_was_heard(self) -> None:
        spoken: dict[int, float] = {}
        for turn, start, end in self.ear.left():
            assert turn is not None
            spoken[turn] = spoken.get(turn, 0) + (end - start) / MS / WORD_MS
        heard: set[str] = set()
        for ended in self.held.of(TurnEnded):
            words = [word for word in ended.heard.split() if word not in NOTICES]
            heard.update(words)
            assert " ".join(ended.said.split()).startswith(" ".join(words))
            assert len(words) <= spoken.get(ended.turn, 0) + 1, f"more than was played: {ended}"
        for message in self.held.session.conversation.history:
            if message.role == "assistant":
                assert set(message.text.split()) <= heard, f"nobody heard all of {message.text!r}"

    def _one_result_for_each_tool_call(self) -> None:
        started = [record.call_id for record in self.held.of(ToolStarted)]
        finished = [record.call_id for record in self.held.of(ToolFinished)]
        assert len(set(started)) == len(started), "a call was executed twice"
        assert len(set(finished)) == len(finished), "a call has two results"
        assert set(started) <= set(finished), "a call has no result"
        history = self.held.session.conversation.history
        answered = [message.tool_call_id for message in history if message.role == "tool"]
        assert len(set(answered)) == len(answered)
        asked = [call.id for message in history for call in message.tool_calls]
        assert sorted(asked) == sorted(map(str, answered)), "the model would be told of calls without results"

    def _one_end_for_each_turn(self) -> None:
        begun = {record.turn for record in [*self.held.of(TurnBegan), *self.held.of(TurnDrafted)]}
        ended = [record.turn for record in self.held.of(TurnEnded)]
        assert sorted(ended) == sorted(begun)

    def _nothing_is_left(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks survive: {left}"
        assert self.clock.still_set() == [], "timers survive"
