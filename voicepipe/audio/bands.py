"""The power of a frame in bands about as wide as those of the ear."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voicepipe.audio.pcm import FULL_SCALE

Powers = npt.NDArray[np.float32]

EDGES_HZ = (60, 150, 250, 350, 450, 570, 700, 840, 1000, 1170, 1370, 1600, 1850, 2150, 2500, 2900, 3400, 4000)
EDGES_ABOVE_4_KHZ = (4800, 5800, 7000, 8500, 10_500)
"""The Bark scale's critical bands: E. Zwicker, "Subdivision of the audible frequency range into critical
bands", J. Acoust. Soc. Am. 33, 1961; rounded, and begun at 60 Hz, where small microphones begin."""

USABLE = 0.45
"""Of the sample rate: what lies above is the slope of somebody's filter."""


class Bands:
    """Turns `window` samples, in int16 units, into `count` powers relative to full scale squared."""

    def __init__(self, rate: int, frame: int) -> None:
        """``frame``: the samples of a frame. The window is the next power of two: one frame and a part of
        the one before."""
        self.window = 1 << (frame - 1).bit_length()
        edges = [edge for edge in (*EDGES_HZ, *EDGES_ABOVE_4_KHZ) if edge <= USABLE * rate]
        self._starts = np.rint(np.array(edges) * self.window / rate).astype(np.intp)
        self.count = len(edges) - 1
        shape = np.hanning(self.window + 1)[:-1]
        # The window's own power, and the half of the spectrum that rfft leaves out, make up the scale.
        scale = FULL_SCALE * self.window * np.sqrt(np.mean(shape**2) / 2)
        self._shape = (shape / scale).astype(np.float32)

    def measure(self, samples: npt.NDArray[np.float32]) -> Powers:
        """``samples`` is ``(window,)``, the powers are ``(count,)``: they sum to the mean square of what lies
        between the outermost edges."""
        spectrum = np.fft.rfft(samples * self._shape)
        powers = np.square(spectrum.real) + np.square(spectrum.imag)
        return np.add.reduceat(powers, self._starts)[:-1].astype(np.float32)
