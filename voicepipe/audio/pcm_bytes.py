"""int16 samples out of bytes that a network delivers in portions of any length."""

from __future__ import annotations

import numpy as np

from voicepipe.audio.pcm import Pcm


class PcmBytes:
    """Signed 16-bit little-endian mono bytes → samples; a sample may be split between two portions."""

    def __init__(self) -> None:
        self._half = b""
        self.samples = 0
        """How many there have been so far."""

    def push(self, data: bytes) -> Pcm:
        """The samples that are complete now, possibly none."""
        data = self._half + data
        whole = len(data) - len(data) % 2
        self._half = data[whole:]
        pcm: Pcm = np.frombuffer(data, "<i2", whole // 2).astype(np.int16, copy=False)
        self.samples += pcm.size
        return pcm

    @property
    def split(self) -> bool:
        """Half a sample has come; at the end of a stream this means that something is missing."""
        return bool(self._half)
