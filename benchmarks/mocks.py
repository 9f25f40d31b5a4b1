"""Engines that cost nothing and answer on time, as in the architecture's "Definitions of measures".

What a caller says travels beside the audio, in captions that ``tell`` writes: each word in the frame of its
last sample, with the session time of that sample. Due times are absolute: a loop that wakes up late once
isn't late for the rest of the reply.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm, Word
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.core.units import MS, SECOND, Duration
from voicepipe.providers.base import (
    Hypothesis,
    LlmProvider,
    ProviderConfig,
    Speech,
    SttProvider,
    TtsProvider,
)

REPLY = (
    "Sure, I can help you with that order right away for you. It left the warehouse this morning and it "
    "should arrive on Friday before noon. Please let me know if you would like me to change the delivery "
    "address."
)
TOKENS = re.findall(r"\s*\S+", REPLY)
FIRST_SENTENCE = next(number for number, token in enumerate(TOKENS, 1) if token.endswith("."))
"""Tokens in it."""

STT_FINAL = 100 * MS
LLM_FIRST = 200 * MS
LLM_TOKEN = 20 * MS
TTS_FIRST = 80 * MS

WORDS_PER_SECOND = 2.5
TTS_RATE = 24_000
TTS_BLOCK_MS = 100
TTS_SPEED = 10
"""Audio is made ten times as fast as it sounds, after the first block."""

HUM_HZ = 120
"""Divides the rate, and its period a block, so that the hum has no seam."""

HUM_LEVEL = 0.125
"""RMS of full scale, −18 dBFS: without pauses, so that whatever becomes quiet was made quiet."""


class Told(NamedTuple):
    """A word whose last sample was spoken at ``end_ns``; ``last``: nothing follows it in this utterance."""

    word: str
    end_ns: int
    last: bool


def tell(words: Sequence[Told]) -> str:
    """The caption of a frame in which ``words`` end."""
    return "\n".join(f"{word}\t{end_ns}\t{last:d}" for word, end_ns, last in words)


def told(captions: Sequence[str]) -> list[Told]:
    """What the captions so far say."""
    fields = (line.split("\t") for caption in captions for line in caption.splitlines())
    return [Told(word, int(end_ns), last == "1") for word, end_ns, last in fields]


class MockSttConfig(ProviderConfig):
    after: Duration = Field(STT_FINAL, ge=0, description="from the last speech sample to the final words")


class MockStt(SttProvider):
    """Final words a fixed time after the last sample of the speech, whatever the VAD makes of it."""

    name = "mock"
    captions: ClassVar[bool] = True
    Config = MockSttConfig
    config: MockSttConfig

    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        words: list[Told] = []
        read = 0
        async for _ in audio:
            words += told(call.captions[read:])
            read = len(call.captions)
            if words and words[-1].last:
                break
        if words:
            await call.clock.sleep_until(words[-1].end_ns + self.config.after)
        yield Hypothesis(text=_text(words), final=True)


class OracleSttConfig(ProviderConfig):
    after: Duration = Field(300 * MS, ge=0, description="from the end of a word until it is known")


class OracleStt(SttProvider):
    """Every word a fixed time after its end; final ones at the pause, but not before that time.

    It knows no more than a recogniser could: that a word was the last one, it learns from the VAD.
    """

    name = "oracle"
    captions: ClassVar[bool] = True
    Config = OracleSttConfig
    config: OracleSttConfig

    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        shown = 0
        async for _ in audio:
            now = call.clock.now()
            due = [word for word in told(call.captions) if word.end_ns + self.config.after <= now]
            if len(due) > shown:
                shown = len(due)
                yield Hypothesis(text=_text(due), final=False)
        words = told(call.captions)
        if words:
            await call.clock.sleep_until(words[-1].end_ns + self.config.after)
        yield Hypothesis(text=_text(words), final=True)


def _text(words: Sequence[Told]) -> str:
    return " ".join(word.word for word in words)


class MockLlm(LlmProvider):
    """One answer to everything, a word at a time."""

    name = "mock"

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        first_ns = call.clock.now() + LLM_FIRST
        for number, token in enumerate(TOKENS):
            await call.clock.sleep_until(first_ns + number * LLM_TOKEN)
            yield TextDelta(text=token)


class MockTts(TtsProvider):
    """A steady hum, as long as the words would be, with their times."""

    name = "mock"
    rate = TTS_RATE

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        first_ns = call.clock.now() + TTS_FIRST
        words = text.split()
        for number, word in enumerate(words):
            start_ms, end_ms = (round(n * 1000 / WORDS_PER_SECOND) for n in (number, number + 1))
            yield Word(text=word, start_ms=start_ms, end_ms=end_ms)
        samples = round(len(words) * TTS_RATE / WORDS_PER_SECOND)
        block = TTS_RATE * TTS_BLOCK_MS // 1000
        for start in range(0, samples, block):
            await call.clock.sleep_until(first_ns + start * SECOND // (TTS_RATE * TTS_SPEED))
            yield Speech(pcm=np.resize(period(), min(block, samples - start)))


@lru_cache(maxsize=1)
def period() -> Pcm:
    """One of a buzz with the partials of a voice, int16 at ``TTS_RATE``; blocks begin where another would.

    It is made once: an engine that made its sound in the loop of the calls would be measured with them.
    """
    phase = 2 * np.pi * np.arange(TTS_RATE // HUM_HZ) * HUM_HZ / TTS_RATE
    wave = np.sum([np.sin(n * phase) / n for n in range(1, 13)], axis=0)
    wave *= HUM_LEVEL * 32768 / np.sqrt(np.mean(wave**2))
    return np.asarray(np.round(wave).astype(np.int16))
