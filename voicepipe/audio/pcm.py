"""What the whole audio floor agrees on: int16 samples, the rates that are served, rounding.

One full-scale unit is 32768, so that −32768 is exactly −1.0 and 0 dBFS is the level of a full-scale square
wave.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voicepipe.errors import AudioError

Pcm = npt.NDArray[np.int16]
"""Linear samples, ``(n,)`` for mono, ``(n, 2)`` where a function says that it takes stereo."""

FULL_SCALE = 32768
MIN_RATE = 4_000
MAX_RATE = 192_000


def check_rate(rate: int, where: str = "") -> int:
    """Return ``rate`` in Hz if it lies in ``MIN_RATE`` to ``MAX_RATE``; raise `AudioError` otherwise.

    ``where`` begins the message, such as ``"a.wav: "``.
    """
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(
            f"{where}a sample rate of {rate} Hz was found, {MIN_RATE} to {MAX_RATE} Hz were expected",
            hint="Speech is usually sampled at 8000, 16000, 24000 or 48000 Hz.",
        )
    return rate


_HIGHEST, _LOWEST = np.array(FULL_SCALE - 1.0), np.array(-float(FULL_SCALE))
"""As arrays: a number would be made one for each frame."""


def to_pcm(values: npt.NDArray[np.floating]) -> Pcm:
    """Round finite ``values`` (in int16 units) to the nearest sample and clip at full scale."""
    rounded = np.rint(values)
    np.minimum(rounded, _HIGHEST, out=rounded)  # faster than np.clip, for the 20 ms of a frame
    np.maximum(rounded, _LOWEST, out=rounded)
    pcm: Pcm = rounded.astype(np.int16)
    return pcm


def amplitude(db: float) -> float:
    """The factor of a level in decibels: 1.0 for 0 dB, 0.1 for −20 dB."""
    return float(10.0 ** (db / 20.0))


def samples_in(rate: int, ms: float) -> int:
    """How many samples at ``rate`` Hz are nearest to ``ms`` milliseconds."""
    return round(rate * ms / 1000)
