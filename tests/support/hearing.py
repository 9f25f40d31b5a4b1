"""Speaking to a recogniser."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import numpy as np

from voicepipe.audio.resample import resample
from voicepipe.audio.wav import read_wav
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS
from voicepipe.providers.base import Hypothesis, SttProvider

FIXTURES = Path(__file__).parents[1] / "fixtures"
COMMANDS = sorted((FIXTURES / "commands").glob("*.wav"))
WHISPER = Path(__file__).parents[2] / "pipelines" / "compare" / "models" / "whisper-commands"
BLOCK_MS = 20


def words_of(clip: Path) -> str:
    """What is said in ``VOICE_the_words.wav``."""
    return clip.stem.partition("_")[2].replace("_", " ")


def load(clip: Path, rate: int) -> Pcm:
    wav = read_wav(clip)
    return resample(wav.pcm, wav.rate, rate)


def silence(seconds: float, rate: int) -> Pcm:
    return np.zeros(round(seconds * rate), np.int16)


async def blocks(pcm: Pcm, rate: int, clock: Clock | None = None) -> AsyncGenerator[Pcm, None]:
    """Blocks of 20 ms, as fast as they are taken, or, with a clock, as they would be spoken."""
    size = rate * BLOCK_MS // 1000
    began = clock.now() if clock else 0
    for index, start in enumerate(range(0, len(pcm), size)):
        if clock:
            await clock.sleep_until(began + (index + 1) * BLOCK_MS * MS)
        yield pcm[start : start + size]


async def heard(stt: SttProvider, call: Call, audio: AsyncIterator[Pcm]) -> list[Hypothesis]:
    return [hypothesis async for hypothesis in stt.transcribe(call, audio)]
