"""Recognisers behind servers, each against one on loopback that knows two tones by their levels."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np

from voicepipe.core.frames import Pcm
from voicepipe.core.units import SECOND
from voicepipe.providers.deepgram import Deepgram
from voicepipe.providers.openai_stt import OpenAIStt
from voicepipe.testing import openai_audio_server, openai_live_server, realtime_script
from voicepipe.testing.contract import Fault, Scene, Subject
from voicepipe.testing.deepgram_server import DeepgramServer, Refusal, Utterance

KEY, WRONG_KEY = "right-0123456789", "wrong-0123456789"
RETRY_AFTER_S = 2
ENOUGH = 10
"""Handshakes of one examination, and more."""
LEVELS = (2000, 4000)
STRIKES_AT_MS = 500
_STRIKES: Mapping[Fault, Literal["malformed", "drop", "stall"]] = MappingProxyType(
    {"malformed": "malformed", "dropped": "drop", "stall": "stall"}
)
"""The servers' own names of the faults."""


def tones(rate: int) -> tuple[Pcm, Pcm]:
    """Two utterances of a second that a server can tell from each other by any piece of them."""
    first, second = (np.full(rate, level, np.int16) for level in LEVELS)
    return first, second


def words_for(audio: bytes) -> str:
    """What is heard in ``audio``, a piece of one of ``tones``; resampling may have rounded its edges."""
    level = int(np.abs(np.frombuffer(audio, np.int16).astype(np.int32)).max())
    return "what time is it" if level < sum(LEVELS) / 2 else "turn on the kitchen lights"


def _setting(
    base_url: str, fault: Fault | None, stopped: Callable[[], Awaitable[object]], **keys: Any
) -> Scene:
    key = WRONG_KEY if fault == "refused_key" else KEY
    return Scene(
        config={"base_url": base_url, "api_key": key, **keys},
        stopped=stopped,
        retry_after_ns=RETRY_AFTER_S * SECOND if fault == "rate_limit" else None,
    )


class _Served(Subject):
    faults = frozenset(get_args(Fault))

    def speech(self, rate: int) -> tuple[Pcm, Pcm]:
        return tones(rate)


class OpenAISubject(_Served):
    """An utterance as a whole, over HTTP."""

    provider = OpenAIStt

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        def hears(upload: openai_audio_server.Upload) -> openai_audio_server.Hear:
            if fault == "rate_limit":
                return openai_audio_server.Hear(status=429, headers={"retry-after": str(RETRY_AFTER_S)})
            words = [f" {word}" for word in words_for(upload.audio).split()]
            return openai_audio_server.Hear(deltas=words, fault=_STRIKES.get(fault) if fault else None)

        async with openai_audio_server.OpenAIAudioServer(key=KEY, otherwise=hears) as server:
            yield _setting(server.base_url, fault, lambda: server.requests[-1].hung_up.wait())


class OpenAILiveSubject(_Served):
    """While the caller speaks, over a WebSocket."""

    provider = OpenAIStt

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        def hears(audio: bytes) -> openai_live_server.Turn:
            words = [f" {word}" for word in words_for(audio).split()]
            if fault == "dropped":
                return openai_live_server.Turn(deltas=words, fault="reset")
            return openai_live_server.Turn(deltas=words, fault=_STRIKES.get(fault) if fault else None)

        busy = realtime_script.Refusal(status=429, headers={"retry-after": str(RETRY_AFTER_S)})
        refusals = (busy,) * ENOUGH if fault == "rate_limit" else ()
        async with openai_live_server.OpenAILiveServer(key=KEY, refusals=refusals, otherwise=hears) as server:
            model = "gpt-live-transcribe"
            yield _setting(server.base_url, fault, lambda: server.sessions[-1].closed.wait(), model=model)


class DeepgramSubject(_Served):
    provider = Deepgram

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        def hears(audio: bytes) -> Utterance:
            text = words_for(audio)
            strike = _STRIKES.get(fault) if fault else None
            return Utterance(text=text, fault=strike, fault_at_ms=STRIKES_AT_MS, flush=fault != "stall")

        busy = Refusal(status=429, code="TOO_MANY_REQUESTS", headers={"retry-after": str(RETRY_AFTER_S)})
        refusals = (busy,) * ENOUGH if fault == "rate_limit" else ()
        async with DeepgramServer(key=KEY, refusals=refusals, otherwise=hears) as server:
            yield _setting(server.base_url, fault, lambda: server.connections[-1].closed.wait())
