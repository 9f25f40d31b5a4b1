"""A fused model as a voice that reads out a given text: for the notices, which are spoken ahead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from difflib import SequenceMatcher

import numpy as np

from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Speech
from voicepipe.providers.realtime_base import (
    RealtimeConnection,
    RealtimeProvider,
    RealtimeSetup,
    ReplyAudio,
    ReplyText,
)
from voicepipe.speech.utterances import bare_words

ALIKE = 0.8
"""How much of what the model says it has said has to be what it was given, as a ratio of words."""


class RealtimeVoice:
    """A `voicepipe.runtime.notices.Voice`. ``provider`` has been started."""

    def __init__(self, provider: RealtimeProvider) -> None:
        self.name = provider.name
        self.local = provider.local
        self._provider = provider

    @property
    def rate(self) -> int:
        return self._provider.rate

    async def synthesize(self, call: Call, text: str) -> AsyncGenerator[Speech, None]:
        """``text`` in one piece. Raises ``ProviderError`` if the model says something else instead."""
        async with self._provider.connect(call, RealtimeSetup(instructions="")) as connection:
            pcm, words = await _read_out(connection, call, text)
        if SequenceMatcher(None, bare_words(text), bare_words(words)).ratio() < ALIKE:
            raise ProviderError(
                f"the model was to say {text!r} and said {words!r}", provider=self.name, kind="protocol"
            )
        yield Speech(pcm=pcm)


async def _read_out(connection: RealtimeConnection, call: Call, text: str) -> tuple[Pcm, str]:
    blocks: list[Pcm] = []
    words = ""
    reader = asyncio.ensure_future(_read(connection))
    try:
        async with aclosing(connection.respond(call, say=text, remember=False)) as events:
            async for event in events:
                if isinstance(event, ReplyAudio):
                    blocks.append(event.pcm)
                elif isinstance(event, ReplyText):
                    words += event.text
    finally:
        reader.cancel()
        await asyncio.wait([reader])
    return np.concatenate(blocks) if blocks else np.zeros(0, np.int16), words


async def _read(connection: RealtimeConnection) -> None:
    with suppress(ProviderError):  # who waits for the reply is told the same
        async for _ in connection.events():
            pass  # no caller speaks
