"""Listening to a voice."""

from __future__ import annotations

import numpy as np

from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm, Word
from voicepipe.providers.base import Speech, TtsProvider


async def spoken(provider: TtsProvider, call: Call, text: str) -> tuple[Pcm, list[Word]]:
    """All the audio and words that ``provider`` makes of ``text``."""
    blocks: list[Pcm] = [np.zeros(0, np.int16)]
    words: list[Word] = []
    async for event in provider.synthesize(call, text):
        if isinstance(event, Speech):
            blocks.append(event.pcm)
        else:
            words.append(event)
    return np.concatenate(blocks), words
