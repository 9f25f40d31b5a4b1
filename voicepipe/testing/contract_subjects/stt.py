"""Recognisers behind servers, each against one on loopback that knows two tones by their levels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import get_args

import numpy as np

from voicepipe.core.frames import Pcm
from voicepipe.core.units import SECOND
from voicepipe.providers.deepgram import Deepgram
from voicepipe.testing.contract import Fault, Scene, Subject
from voicepipe.testing.deepgram_server import DeepgramServer, Refusal, Utterance

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
    """What is heard in the one of ``tones`` that begins with ``audio``."""
    level = int.from_bytes(audio[:2], "little", signed=True)
    return "what time is it" if level == LEVELS[0] else "turn on the kitchen lights"


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
