"""Which of a recording's two channels holds the caller."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from voicepipe.audio.pcm import FULL_SCALE, Pcm, samples_in

Heard = Literal["same", "left", "right", "two"]
"""``same``: one sound in both channels. ``left``, ``right``: the other one is silent. ``two``: two sounds."""

FRAME_MS = 20
SILENT_DB = 40.0
"""A channel that is so much weaker than the other holds at most its crosstalk."""
RANGE_DB = 40.0
"""Levels further below the loudest count as this far: noise says nothing about who speaks."""
ALIKE = 0.5
"""Levels of one sound heard twice correlate by 0.9 and more, those of people in turns by less than 0."""


def heard_in(left: Pcm, right: Pcm, rate: int) -> Heard:
    """Compare two channels of the same length, in int16, by how loud each of their 20 ms frames is.

    Waveforms would tell two microphones apart that stand a hand's breadth from each other.
    """
    frame = samples_in(rate, FRAME_MS)
    powers = np.stack([_powers(channel, frame) for channel in (left, right)])
    loudest = powers.max(axis=1)
    if loudest.max() == 0:
        return "same"
    weaker = int(loudest[1] < loudest[0])
    if loudest[weaker] < loudest[1 - weaker] * 10 ** (-SILENT_DB / 10):
        return "left" if weaker == 1 else "right"
    floor = loudest[:, None] * 10 ** (-RANGE_DB / 10)
    levels = 10 * np.log10(np.maximum(powers, floor))
    levels -= levels.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.sum(levels[0] ** 2) * np.sum(levels[1] ** 2))
    if spread == 0:  # steady from beginning to end
        return "same"
    return "same" if float(levels[0] @ levels[1]) >= ALIKE * spread else "two"


def _powers(pcm: Pcm, frame: int) -> npt.NDArray[np.float64]:
    padded = np.zeros(-(-pcm.size // frame) * frame, np.int16)
    padded[: pcm.size] = pcm
    frames = padded.reshape(-1, frame)
    # einsum converts piece by piece: a call of hours isn't copied at four times its size.
    total: npt.NDArray[np.float64] = np.einsum("ij,ij->i", frames, frames, dtype=np.float64, casting="safe")
    return total / frame / FULL_SCALE**2
