"""What is said and what answers: the clip, the room around it, and the voice of the mocks.

Audio is int16 mono, 16 kHz in and 24 kHz out. The standard library and NumPy, nothing else: it runs in the
environments of all systems, and in the feeder's process.
"""

from __future__ import annotations

import math
import wave
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]

RATE, OUTPUT_RATE = 16_000, 24_000
FRAME_MS = 20
FRAME = RATE * FRAME_MS // 1000
FRAME_S = FRAME_MS / 1000

ROOM_DBFS = -60
"""Noise behind the caller: a room is never digitally silent, and a gate must not win by that."""

AUDIBLE_DBFS = -50

HUM_HZ = 120
"""Divides the rate."""


@dataclass(frozen=True)
class Clip:
    """One utterance, from the first to the last of its frames above −35 dBFS. ``seconds`` long."""

    frames: list[Pcm]
    words: str
    seconds: float

    @classmethod
    def read(cls, path: str, words: str) -> Clip:
        with wave.open(path) as file:
            pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        whole = np.concatenate((pcm, np.zeros(-pcm.size % FRAME, np.int16)))
        return cls([whole[at : at + FRAME] for at in range(0, whole.size, FRAME)], words, pcm.size / RATE)


def room() -> list[Pcm]:
    """A second of noise, in frames."""
    noise = np.random.default_rng(1).normal(0, 32768 * 10 ** (ROOM_DBFS / 20), RATE)
    return list(np.round(noise).astype(np.int16).reshape(-1, FRAME))


def hum(seconds: float) -> Pcm:
    """A voice without pauses, −18 dBFS."""
    return np.resize(_period(), round(seconds * OUTPUT_RATE))


@lru_cache(maxsize=1)
def _period() -> Pcm:
    """One of the hum. It is made once: a sentence's sines took 2.5 ms of the loop whose lateness is measured,
    and our own mock (``benchmarks.mocks``) doesn't make them either."""
    at = np.arange(OUTPUT_RATE // HUM_HZ) / OUTPUT_RATE
    return np.asarray(np.sin(2 * np.pi * HUM_HZ * at) * 32768 * 10 ** (-15 / 20), np.int16)


def audible(pcm: Pcm) -> bool:
    if pcm.size == 0:
        return False
    samples = pcm.astype(np.float32)
    return math.sqrt(float(samples @ samples) / pcm.size) > 32768 * 10 ** (AUDIBLE_DBFS / 20)
