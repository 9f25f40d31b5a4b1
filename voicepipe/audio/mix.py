"""Gain and fades on int16 samples, clipped at full scale instead of wrapping around."""

from __future__ import annotations

import numpy as np

from voicepipe.audio.pcm import Pcm, amplitude, samples_in, to_pcm


def gain(pcm: Pcm, db: float) -> Pcm:
    """Change the level of ``pcm`` (any shape) by ``db`` decibels; at 0 dB the same array comes back."""
    if db == 0:
        return pcm
    return to_pcm(pcm * np.float32(amplitude(db)))


def fade_out(pcm: Pcm, rate: int, ms: float) -> Pcm:
    """Fade the last ``ms`` milliseconds of ``pcm`` (mono, at ``rate`` Hz) linearly to silence.

    The length stays; a shorter clip is faded over all of it. The last sample is zero, so that
    cutting speech off there makes no click.
    """
    fading = min(len(pcm), samples_in(rate, ms))
    if fading == 0:
        return pcm
    ramp = np.arange(fading - 1, -1, -1, dtype=np.float32) / np.float32(fading)
    return np.concatenate((pcm[:-fading], to_pcm(pcm[-fading:] * ramp)))


def fade_in(pcm: Pcm, rate: int, ms: float) -> Pcm:
    """Fade the first ``ms`` milliseconds of ``pcm`` (mono, at ``rate`` Hz) linearly from silence."""
    return fade_out(pcm[::-1], rate, ms)[::-1]


def glide(pcm: Pcm, from_db: float, to_db: float) -> Pcm:
    """Change the gain from ``from_db`` to ``to_db`` decibels over all of ``pcm``, so that nothing clicks."""
    if from_db == to_db:
        return gain(pcm, to_db)
    ramp = np.linspace(amplitude(from_db), amplitude(to_db), len(pcm), dtype=np.float32)
    return to_pcm(pcm * ramp)
