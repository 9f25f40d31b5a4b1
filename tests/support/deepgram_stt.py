"""The ``deepgram`` STT and the server that it asks, on loopback; and audio for any STT over the network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.workers import make_call, make_host
from voicepipe.audio.resample import resample
from voicepipe.audio.wav import read_wav
from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm
from voicepipe.providers.base import Hypothesis, SttProvider
from voicepipe.providers.deepgram import Deepgram, DeepgramConfig

SECRET = "dg-very-secret-0123456789"
RATE = 16_000
FRAME = RATE // 50
COMMANDS = Path(__file__).parents[1] / "fixtures" / "commands"


def spoken(name: str = "kal_what_time_is_it") -> Pcm:
    """A recorded command, at 16 kHz."""
    wav = read_wav(COMMANDS / f"{name}.wav")
    return resample(wav.pcm, wav.rate, RATE)


def noise(ms: int) -> Pcm:
    """Loud enough to be something; the servers of these tests don't listen to it."""
    return (np.random.default_rng(1).normal(0, 1000, RATE * ms // 1000)).astype(np.int16)


async def blocks(pcm: Pcm, size: int = FRAME) -> AsyncIterator[Pcm]:
    for start in range(0, pcm.size, size):
        yield pcm[start : start + size]


class Hasty(Deepgram):
    """It waits as long as a server on this computer needs at most, and not as long as one far away."""

    every_s = 0.02
    patience_s = 0.05


@asynccontextmanager
async def started(
    base_url: str, spoken: str = "en-US", *, kind: type[Deepgram] = Deepgram, **config: Any
) -> AsyncIterator[Deepgram]:
    """``spoken`` is the agent's language."""
    stt = kind(DeepgramConfig(base_url=base_url, **config), make_host(spoken))
    try:
        await stt.start()
        yield stt
    finally:
        await stt.close()
        await stt.close()


async def hear(stt: SttProvider, pcm: Pcm, call: Call | None = None) -> list[Hypothesis]:
    return [one async for one in stt.transcribe(call or make_call(turn=None), blocks(pcm))]


def texts(hypotheses: list[Hypothesis]) -> list[tuple[str, bool]]:
    return [(one.text, one.final) for one in hypotheses]
