"""A language model for the tests of the API: it tells what became of it. ``use: tests.support.witness:…``."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar, Literal

from voicepipe.core.calls import Call
from voicepipe.core.units import SECOND, Duration
from voicepipe.errors import SetupError
from voicepipe.providers.base import LlmProvider, Message, ProviderConfig, TextDelta, ToolOffer

PIPELINE = """\
voicepipe: 1
agent:
  prompt: You talk to {{name}}.
  variables: {name: {default: nobody}}
stages:
  vad: energy
  stt: sim
  llm: {use: "tests.support.witness:Witness"}
  tts: {use: sim, speed: 20, first_audio: 0ms}
profiles:
  slow: {stages: {llm: {start_takes: 5s}}}
  broken: {stages: {llm: {broken: true}}}
"""
"""A pipeline with it."""


class WitnessConfig(ProviderConfig):
    says: str = "Fine."
    start_takes: Duration = 0
    broken: bool = False


class Witness(LlmProvider):
    """``journal`` is of all instances; ``asked`` has the messages of each request."""

    name: ClassVar[str] = "witness"
    Config: ClassVar[type[ProviderConfig]] = WitnessConfig
    config: WitnessConfig
    journal: ClassVar[list[str]] = []
    asked: ClassVar[list[list[Message]]] = []

    @classmethod
    def forget(cls) -> None:
        cls.journal.clear()
        cls.asked.clear()

    async def start(self) -> None:
        self.journal.append("starting")
        await asyncio.sleep(self.config.start_takes / SECOND)
        if self.config.broken:
            raise SetupError("the model is broken")
        self.journal.append("started")

    async def close(self) -> None:
        self.journal.append("closed")

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[Any]:
        self.asked.append(list(messages))
        for word in self.config.says.split():
            yield TextDelta(text=f"{word} ")


class Impatient(Witness):
    """Presses Ctrl-C when it is asked."""

    name: ClassVar[str] = "impatient"

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[Any]:
        signal.raise_signal(signal.SIGINT)
        async for chunk in super().generate(call, messages, tools):
            yield chunk


class OnlyReal(Witness):
    name: ClassVar[str] = "only-real"
    clock: ClassVar[Literal["any", "real"]] = "real"
