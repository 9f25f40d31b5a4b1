"""The engines of ``mocks``, each of which fails now and then, at once or in the middle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import count

from benchmarks.mocks import MockLlm, MockStt, MockTts
from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm, Word
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis, Speech

EVERY = 11
"""One call in so many fails: each turn makes about ten, so nearly every turn meets a failure."""

IN_THE_MIDDLE = 3
"""Events after which every other failure comes."""

_CALLS = count(1)


class Failing:
    """``check`` before each event of one call raises where it is due to."""

    def __init__(self) -> None:
        number = next(_CALLS)
        self._fails = number % EVERY == 0
        self._after = IN_THE_MIDDLE * (number // EVERY % 2)

    def check(self) -> None:
        if self._fails and self._after == 0:
            raise ProviderError("the engine has failed, as it was to", provider="failing", kind="server")
        self._after -= 1


class FailingStt(MockStt):
    name = "failing"

    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        failing = Failing()
        async for hypothesis in super().transcribe(call, audio):
            failing.check()
            yield hypothesis


class FailingLlm(MockLlm):
    name = "failing"

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        failing = Failing()
        async for event in super().generate(call, messages, tools):
            failing.check()
            yield event


class FailingTts(MockTts):
    name = "failing"

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        failing = Failing()
        async for event in super().synthesize(call, text):
            failing.check()
            yield event
