"""Providers that keep what the contract suite examines, to be broken one promise at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, get_args

import numpy as np

from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm, Word
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError
from voicepipe.providers.base import (
    Hypothesis,
    LlmProvider,
    ProviderConfig,
    Speech,
    SttProvider,
    TtsProvider,
    VadProvider,
)
from voicepipe.testing.contract import Fault, Promise, Scene, Subject, keep, promises_of

RATE = 16_000
TOOL = ToolOffer(name="look_up", description="Looks up.", parameters={"type": "object"})
ASKED = (Message(role="user", text="Please look it up."),)
QUIET = 100.0


class LoudStream:
    window = 160

    def probability(self, window: Pcm) -> float:
        return float(np.sqrt((window.astype(float) ** 2).mean()) > QUIET)


class GoodVad(VadProvider):
    name = "good"

    def open(self, rate: int) -> Any:
        return LoudStream()


class GoodStt(SttProvider):
    """Hears how loud it was."""

    name = "good"

    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        heard = np.zeros(0, np.int16)
        async for block in audio:
            heard = np.concatenate([heard, block])
            call.set_usage("audio_in_ms", len(heard) * 1000 // self.rate)
            if len(heard) % 8000 == 0:
                yield Hypothesis(text="…", final=False)
        await call.clock.sleep(10 * MS)
        text = f"level {int(np.abs(heard.astype(int)).sum())}" if len(heard) else ""
        call.set_usage("audio_in_ms", len(heard) * 1000 // self.rate)
        words = tuple(Word(text=word, start_ms=0, end_ms=9) for word in text.split())
        yield Hypothesis(text=text, final=True, words=words)


class GoodTts(TtsProvider):
    """Sounds for each word."""

    name = "good"
    rate = RATE

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        call.add_usage("characters", len(text))
        for number, word in enumerate(text.split()):
            await call.clock.sleep(10 * MS)
            yield Word(text=word, start_ms=number * 100, end_ms=number * 100 + 100)
            yield Speech(pcm=np.full(RATE // 10, 1000, np.int16))


class FaultyConfig(ProviderConfig):
    fault: str | None = None
    api_key: str | None = None


ERRORS: dict[str, dict[str, Any]] = {
    "refused_key": {"kind": "authentication"},
    "rate_limit": {"kind": "rate_limit", "retryable": True, "retry_after_ns": 2000 * MS},
    "malformed": {"kind": "protocol"},
    "dropped": {"kind": "connection", "retryable": True},
}


class GoodLlm(LlmProvider):
    """Says again what it was asked; fails as it is configured to."""

    name = "good"
    Config: Any = FaultyConfig
    tokens = 7

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        reported = False
        try:
            await call.clock.sleep(10 * MS)
            asked = messages[-1] if messages else Message(role="user", text="nothing")
            if asked == ASKED[-1]:
                yield ToolCall(id="call_1", name="look_up", arguments='{"what": "it"}')
            else:
                yield TextDelta(text="You said: ")
                await self.after_the_first(call)
                yield TextDelta(text=asked.text)
            call.set_usage("tokens_out", self.tokens)
            reported = True
        finally:
            if not reported:
                call.set_usage("tokens_out", 1, estimated=True)

    async def after_the_first(self, call: Call) -> None:
        """Where faults strike."""
        fault = self.config.fault
        if fault in ERRORS:
            raise self.failure(fault)
        if fault == "stall":
            try:
                await asyncio.Event().wait()
            finally:
                STOPPED.append(call)
        await call.clock.sleep(10 * MS)

    def failure(self, fault: str) -> Exception:
        return ProviderError("it failed", provider=self.name, **ERRORS[fault])


STOPPED: list[Call] = []
"""The calls whose end a "server" has noticed."""


class FakeSubject(Subject):
    """Any of the providers above, or one that breaks a promise."""

    def speech(self, rate: int) -> tuple[Pcm, Pcm]:
        return np.full(rate, 2000, np.int16), np.full(rate, 3000, np.int16)


class LlmSubject(FakeSubject):
    provider = GoodLlm
    faults = frozenset(get_args(Fault))
    tools = (TOOL,)
    tool_question = ASKED
    reported = MappingProxyType({"tokens_out": GoodLlm.tokens})

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        STOPPED.clear()

        async def stopped() -> None:
            if not STOPPED:
                await asyncio.Event().wait()

        yield Scene(
            config={"fault": fault},
            stopped=stopped,
            retry_after_ns=2000 * MS if fault == "rate_limit" else None,
        )


def subject(provider: type[Any], **attributes: Any) -> Subject:
    base = LlmSubject if provider.kind == "llm" else FakeSubject
    made: Subject = type("Made", (base,), {"provider": provider, **attributes})()
    return made


GOOD = [subject(provider) for provider in (GoodVad, GoodStt, GoodTts, GoodLlm)]


def promise_of(one: Subject, name: str) -> Promise:
    found = [promise for promise in promises_of(one) if promise.name == name]
    assert found, f"{one.provider.__name__} doesn't make the promise {name}"
    return found[0]


def examine(name: str, provider: type[Any], **attributes: Any) -> None:
    """Keep the promise ``name`` with ``provider``; ``attributes`` are the subject's."""
    one = subject(provider, **attributes)
    keep(promise_of(one, name), one, patience_s=0.05)  # good ones end at once, and bad ones never
