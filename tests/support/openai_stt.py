"""The ``openai`` STT and the servers that it asks, on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.workers import make_host
from voicepipe.providers.openai_stt import OpenAIStt, OpenAISttConfig

LIVE_MODEL = "gpt-live-transcribe"


@asynccontextmanager
async def started(base_url: str, spoken: str = "en-US", **config: Any) -> AsyncIterator[OpenAIStt]:
    """``spoken`` is the agent's language."""
    stt = OpenAIStt(OpenAISttConfig(base_url=base_url, **config), make_host(spoken))
    try:
        await stt.start()
        yield stt
    finally:
        await stt.close()
        await stt.close()
