"""Sines, and what else than the sine comes out of a resampler."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voicepipe.audio.pcm import Pcm, to_pcm
from voicepipe.audio.resample import resample

LIVE_RATIOS = [
    (8000, 16000),
    (16000, 8000),
    (24000, 8000),
    (24000, 16000),
    (16000, 24000),
    (22050, 16000),
    (22050, 24000),
    (44100, 16000),
    (48000, 16000),
    (22050, 48000),
]
"""Telephone, engine and voice rates to each other, and to a sound card."""


def tone(frequency: float, rate: int, seconds: float = 0.2, peak: float = 32000) -> Pcm:
    """A sine of ``frequency`` Hz."""
    return to_pcm(peak * np.sin(_phase(frequency, rate, round(seconds * rate))))


def split_tone(pcm: Pcm, frequency: float, rate: int) -> tuple[float, float]:
    """The RMS of the sine of ``frequency`` Hz in ``pcm`` and that of everything else, by least squares."""
    phase = _phase(frequency, rate, len(pcm))
    basis = np.column_stack((np.sin(phase), np.cos(phase)))
    parts, *_ = np.linalg.lstsq(basis, pcm.astype(np.float64), rcond=None)
    rest = pcm - basis @ parts
    return float(np.sqrt(parts @ parts / 2)), float(np.sqrt(np.mean(rest**2)))


def worst_alias_db(from_rate: int, to_rate: int, *, tones: int = 40) -> float:
    """The loudest product that isn't the input's own frequency, in dB under the input.

    Tones below 0.84 of the lower Nyquist frequency may produce only themselves, tones above 1.16 of it
    nothing.
    """
    lower, upper = min(from_rate, to_rate) / 2, from_rate / 2
    inside = [(frequency, True) for frequency in np.linspace(100, 0.84 * lower, tones)]
    outside = [(f, False) for f in np.linspace(1.16 * lower, upper - 50, tones) if f < upper]
    worst = -np.inf
    for frequency, wanted in inside + outside if from_rate > to_rate else inside:
        source = tone(frequency, from_rate)
        result = resample(source, from_rate, to_rate)[
            200:-200
        ]  # the ends, where the tone is cut, don't count
        _, rest = split_tone(result, frequency, to_rate)
        product = rest if wanted else float(np.sqrt(np.mean(result.astype(np.float64) ** 2)))
        worst = max(
            worst, 20 * np.log10(max(product, 1e-3) / np.sqrt(np.mean(source.astype(np.float64) ** 2)))
        )
    return float(worst)


def _phase(frequency: float, rate: int, samples: int) -> npt.NDArray[np.floating]:
    return 2 * np.pi * frequency / rate * np.arange(samples)
