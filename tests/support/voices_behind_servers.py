"""The ``openai`` and ``elevenlabs`` voices and the servers on loopback that they talk to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from tests.support.workers import make_call, make_host
from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm, Word
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Speech, TtsProvider
from voicepipe.providers.elevenlabs import ElevenLabs
from voicepipe.providers.espeak import Espeak
from voicepipe.providers.openai_speech import OpenAISpeech
from voicepipe.testing.speech import Spoken, Voice, spoken_by

TEXT = "Sure, I can help you with that order right away."
SECRET = "sk-very-secret-0123456789"


@asynccontextmanager
async def openai_voice(
    base_url: str, model: str = "test-voice", **config: Any
) -> AsyncIterator[OpenAISpeech]:
    host = make_host(voice=config.pop("host_voice", None))
    voice = OpenAISpeech(OpenAISpeech.Config(model=model, base_url=base_url, **config), host)
    async with _started(voice):
        yield voice


@asynccontextmanager
async def elevenlabs_voice(
    base_url: str, language: str = "en-US", **config: Any
) -> AsyncIterator[ElevenLabs]:
    host = make_host(language, voice=config.pop("host_voice", "a-voice"))
    voice = ElevenLabs(ElevenLabs.Config(base_url=base_url, **config), host)
    async with _started(voice):
        yield voice


@asynccontextmanager
async def _started(voice: TtsProvider) -> AsyncIterator[None]:
    try:
        await voice.start()
        yield
    finally:
        await voice.close()
        await voice.close()


async def said(voice: TtsProvider, text: str = TEXT, call: Call | None = None) -> list[Speech | Word]:
    return [event async for event in voice.synthesize(call or make_call(), text)]


def audio(events: list[Speech | Word]) -> Pcm:
    blocks = [event.pcm for event in events if isinstance(event, Speech)]
    return np.concatenate([np.zeros(0, np.int16), *blocks])


def words(events: list[Speech | Word]) -> list[Word]:
    return [event for event in events if isinstance(event, Word)]


async def failure(voice: TtsProvider, text: str = TEXT, call: Call | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await said(voice, text, call)
    return caught.value


async def cancelled_after(voice: TtsProvider, events: int, call: Call) -> None:
    """Listen until so many events have come, and then cancel the listener."""
    reached = asyncio.Event()
    if not events:
        reached.set()

    async def listen() -> None:
        count = 0
        async for _ in voice.synthesize(call, TEXT):
            count += 1
            if count == events:
                reached.set()

    task = asyncio.ensure_future(listen())
    await reached.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def espeaks(language: str = "en-US") -> Voice:
    """How a server sounds with a voice of this computer."""

    async def say(text: str, rate: int) -> Spoken:
        espeak = Espeak(Espeak.Config(), make_host(language))
        await espeak.start()
        return await spoken_by(espeak)(text, rate)

    return say
