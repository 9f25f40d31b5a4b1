"""Recognisers behind servers, each against one on loopback that knows two tones by their levels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import get_args

import numpy as np

from voicepipe.core.frames import Pcm
from voicepipe.core.units import SECOND
from voicepipe.providers.deepgram import Deepgram
from voicepipe.providers.openai_stt import OpenAIStt
from voicepipe.testing import openai_audio_server, openai_live_server
from voicepipe.testing.contract import Fault, Scene, Subject
from voicepipe.testing.deepgram_server import DeepgramServer, Refusal, Utterance
from voicepipe.testing.realtime_script import Refusal as RealtimeRefusal

KEY, WRONG_KEY = "right-0123456789", "wrong-0123456789"
RETRY_AFTER_S = 2
ENOUGH = 10
"""Handshakes of one examination, and more."""
LEVELS = (2000, 4000)
STRIKES_AT_MS = 500


def tones(rate: int) -> tuple[Pcm, Pcm]:
    """Two utterances of a second that a server can tell from each other by their first sample."""
    first, second = (np.full(rate, level, np.int16) for level in LEVELS)
    return first, second


def words_for(audio: bytes) -> str:
    """What is heard in the one of ``tones`` that ``audio`` is of, at whatever rate."""
    level = np.median(np.frombuffer(audio, "<i2"))
    return "what time is it" if level < sum(LEVELS) / 2 else "turn on the kitchen lights"


class DeepgramSubject(Subject):
    provider = Deepgram
    faults = frozenset(get_args(Fault))

    def speech(self, rate: int) -> tuple[Pcm, Pcm]:
        return tones(rate)

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        def hears(audio: bytes) -> Utterance:
            text = words_for(audio)
            match fault:
                case "malformed":
                    return Utterance(text=text, fault="malformed", fault_at_ms=STRIKES_AT_MS)
                case "dropped":
                    return Utterance(text=text, fault="drop", fault_at_ms=STRIKES_AT_MS)
                case "stall":
                    return Utterance(text=text, fault="stall", fault_at_ms=STRIKES_AT_MS, flush=False)
            return Utterance(text=text)

        busy = Refusal(status=429, code="TOO_MANY_REQUESTS", headers={"retry-after": str(RETRY_AFTER_S)})
        refusals = (busy,) * ENOUGH if fault == "rate_limit" else ()
        async with DeepgramServer(key=KEY, refusals=refusals, hears=hears) as server:
            key = WRONG_KEY if fault == "refused_key" else KEY
            yield Scene(
                config={"base_url": server.base_url, "api_key": key},
                stopped=lambda: server.connections[-1].closed.wait(),
                retry_after_ns=RETRY_AFTER_S * SECOND if fault == "rate_limit" else None,
            )


class OpenAISubject(Subject):
    """The models that are given whole utterances."""

    provider = OpenAIStt
    faults = frozenset(get_args(Fault))

    def speech(self, rate: int) -> tuple[Pcm, Pcm]:
        return tones(rate)

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        def hears(upload: openai_audio_server.Upload) -> openai_audio_server.Hear:
            first, *rest = words_for(upload.audio).split()
            deltas = [first, *(f" {word}" for word in rest)]
            match fault:
                case "rate_limit":
                    headers = {"retry-after": str(RETRY_AFTER_S)}
                    return openai_audio_server.Hear(status=429, headers=headers)
                case "malformed":
                    return openai_audio_server.Hear(deltas=deltas, fault="malformed")
                case "dropped":
                    return openai_audio_server.Hear(deltas=deltas, fault="drop")
                case "stall":
                    return openai_audio_server.Hear(deltas=deltas, fault="stall")
            return openai_audio_server.Hear(deltas=deltas)

        async with openai_audio_server.OpenAIAudioServer(key=KEY, otherwise=hears) as server:
            yield Scene(
                config={
                    "base_url": server.base_url,
                    "api_key": WRONG_KEY if fault == "refused_key" else KEY,
                },
                stopped=lambda: server.files[-1].hung_up.wait(),
                retry_after_ns=RETRY_AFTER_S * SECOND if fault == "rate_limit" else None,
            )


class OpenAILiveSubject(Subject):
    """The models that hear the caller while they speak."""

    provider = OpenAIStt
    faults = frozenset(get_args(Fault))

    def speech(self, rate: int) -> tuple[Pcm, Pcm]:
        return tones(rate)

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        def hears(audio: bytes) -> openai_live_server.Turn:
            first, *rest = words_for(audio).split()
            deltas = [first, *(f" {word}" for word in rest)]
            match fault:
                case "malformed":
                    return openai_live_server.Turn(deltas=deltas, fault="malformed")
                case "dropped":
                    return openai_live_server.Turn(deltas=deltas, fault="reset")
                case "stall":
                    return openai_live_server.Turn(deltas=deltas, fault="stall")
            return openai_live_server.Turn(deltas=deltas)

        busy = RealtimeRefusal(status=429, headers={"retry-after": str(RETRY_AFTER_S)})
        refusals = (busy,) * ENOUGH if fault == "rate_limit" else ()
        async with openai_live_server.OpenAILiveServer(key=KEY, refusals=refusals, otherwise=hears) as server:
            yield Scene(
                config={
                    "model": "gpt-live-transcribe",
                    "base_url": server.base_url,
                    "api_key": WRONG_KEY if fault == "refused_key" else KEY,
                },
                stopped=lambda: server.sessions[-1].closed.wait(),
                retry_after_ns=RETRY_AFTER_S * SECOND if fault == "rate_limit" else None,
            )
