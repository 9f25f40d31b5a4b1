"""What servers that speak have to say: a hum for each word, or a real voice of this computer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import numpy as np

from voicepipe.audio.resample import resample
from voicepipe.core.calls import NO_SESSION, Call
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm, Word
from voicepipe.providers.base import Speech, TtsProvider
from voicepipe.providers.sim_tts import hum

LETTER_MS = 70
"""How long a hum lasts for each letter of its word, and the pause after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """``pcm`` is int16 mono; the times of ``words`` count from its first sample."""

    pcm: Pcm
    words: tuple[Word, ...]


Voice = Callable[[str, int], Awaitable[Spoken]]
"""A text and a rate in Hz → how it sounds."""


async def hums(text: str, rate: int) -> Spoken:
    """Each word as long as it is; the same text is always the same sound."""
    blocks: list[Pcm] = [np.zeros(0, np.int16)]
    words = []
    at_ms = 0
    for word in text.split():
        end_ms = at_ms + LETTER_MS * len(word)
        words.append(Word(text=word, start_ms=at_ms, end_ms=end_ms))
        blocks += [
            hum(word, (end_ms - at_ms) * rate // 1000, rate),
            np.zeros(LETTER_MS * rate // 1000, np.int16),
        ]
        at_ms = end_ms + LETTER_MS
    return Spoken(pcm=np.concatenate(blocks), words=tuple(words))


def spoken_by(voice: TtsProvider) -> Voice:
    """The voice of a provider that has been started, such as espeak's."""

    async def say(text: str, rate: int) -> Spoken:
        call = Call(session=NO_SESSION, turn=None, clock=Clock(), workers=voice.host.workers)
        blocks: list[Pcm] = [np.zeros(0, np.int16)]
        words: list[Word] = []
        events: Any = voice.synthesize(call, text)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Speech):
                    blocks.append(event.pcm)
                else:
                    words.append(event)
        return Spoken(pcm=resample(np.concatenate(blocks), voice.rate, rate), words=tuple(words))

    return say
