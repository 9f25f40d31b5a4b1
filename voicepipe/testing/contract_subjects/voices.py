"""Voices behind a server, with the server on loopback that comes with voicepipe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from voicepipe.core.units import SECOND
from voicepipe.providers.elevenlabs import ElevenLabs
from voicepipe.providers.openai_speech import OpenAISpeech
from voicepipe.testing import elevenlabs_server as elevenlabs
from voicepipe.testing import openai_speech_server as openai
from voicepipe.testing.contract import Fault, Scene, Subject

KEY = "key-0123456789"
WAIT_S = 3

ELEVENLABS_FAULTS: Mapping[Fault, elevenlabs.Say] = {
    "malformed": elevenlabs.Say(fault="malformed", after_ms=500),
    "dropped": elevenlabs.Say(fault="drop", after_ms=500),
    "stall": elevenlabs.Say(fault="stall", after_ms=500),
}
OPENAI_FAULTS: Mapping[Fault, openai.Say] = {
    "rate_limit": openai.Say(status=429, headers={"retry-after": str(WAIT_S)}),
    "malformed": openai.Say(body="<html>Welcome!</html>", content_type="text/html"),
    "dropped": openai.Say(fault="drop", after_bytes=9_600),
    "stall": openai.Say(fault="stall", after_bytes=9_600),
}


class ElevenLabsSubject(Subject):
    provider = ElevenLabs
    voice = "a-voice"
    faults = frozenset({"refused_key", "rate_limit", *ELEVENLABS_FAULTS})

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        says = ELEVENLABS_FAULTS.get(fault) if fault else None
        async with elevenlabs.ElevenLabsServer(key=KEY, always=says) as server:
            if fault == "rate_limit":
                refusal = elevenlabs.Refusal(
                    status=429, code="rate_limit_exceeded", headers={"retry-after": str(WAIT_S)}
                )
                server.refuse(*[refusal] * 10)

            async def stopped() -> None:
                await server.contexts[-1].connection.closed.wait()

            key = f"not-{KEY}" if fault == "refused_key" else KEY
            yield _scene(server.base_url, key, stopped, fault)


class OpenAISpeechSubject(Subject):
    provider = OpenAISpeech
    faults = frozenset({"refused_key", *OPENAI_FAULTS})

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        says = OPENAI_FAULTS.get(fault) if fault else None
        async with openai.OpenAISpeechServer(key=KEY, always=says) as server:

            async def stopped() -> None:
                await server.texts[-1].hung_up.wait()

            key = f"not-{KEY}" if fault == "refused_key" else KEY
            yield _scene(server.base_url, key, stopped, fault, model="test-voice")


def _scene(base_url: str, key: str, stopped: Any, fault: Fault | None, **keys: str) -> Scene:
    return Scene(
        config={"base_url": base_url, "api_key": key, **keys},
        stopped=stopped,
        retry_after_ns=WAIT_S * SECOND if fault == "rate_limit" else None,
    )
