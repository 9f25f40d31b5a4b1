"""A language model that remembers what it was asked. Used as ``tests.support.remembering:Remembering``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from voicepipe.providers.base import Call, LlmProvider, Message, TextDelta, ToolCall, ToolOffer

REPLY = "One two three four five six seven eight nine ten. " * 3


class Remembering(LlmProvider):
    name = "remembering"
    reply: ClassVar[str] = REPLY
    asked: ClassVar[list[list[Message]]] = []
    """The messages of every request, since somebody cleared it."""

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        self.asked.append(list(messages))
        for word in self.reply.split():
            yield TextDelta(text=f"{word} ")
