"""A recogniser that nobody tells what is said, since captions don't travel over a telephone line."""

from __future__ import annotations

from collections.abc import AsyncIterator

from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm
from voicepipe.providers.base import Hypothesis, SttProvider

WORDS = "ask what you can do for your country"


class PauseStt(SttProvider):
    """Final words at the pause: the VAD takes longer for it than a recogniser's 100 ms after the speech."""

    name = "pause"

    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        async for _ in audio:
            pass
        yield Hypothesis(text=WORDS, final=True)
