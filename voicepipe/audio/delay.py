"""How late, and how surely, one sound is in another: a normalised cross-correlation of whitened samples.

Whitening flattens the spectra, so that the pitch of a voice, which repeats itself, makes no peak of its own:
C. H. Knapp, G. C. Carter, "The generalized correlation method for estimation of time delay", IEEE Trans.
Acoustics, Speech and Signal Processing 24(4), 1976. Theirs divides by the whole magnitude (PHAT); here it is
its power of ¾, which gives less weight to bins that hold only noise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

BAND_HZ = (200.0, 5000.0)
"""Where speech is louder than rooms are: below is hum, above mostly hiss."""

EDGE_MS = 10
"""The ends of the window are faded, or the cut would be a click that isn't in the other signal."""


class DelayFinder:
    """Looks for a delay of up to `reach` samples in a window of `window`: 0.5 s each, or a little more.

    A call costs about a millisecond at 16 kHz.
    """

    def __init__(self, rate: int) -> None:
        self.window = self.reach = 1 << (rate // 2 - 1).bit_length()
        self._size = self.window + self.reach
        hertz = np.fft.rfftfreq(self._size, 1 / rate)
        low, high = np.searchsorted(hertz, (BAND_HZ[0], min(BAND_HZ[1], 0.45 * rate)))
        self._band = slice(int(low), int(high))
        self._faded = np.ones(self.window, np.float32)
        edge = rate * EDGE_MS // 1000
        self._faded[:edge] = np.linspace(0, 1, edge)
        self._faded[-edge:] = np.linspace(1, 0, edge)

    def find(self, heard: Samples, played: Samples) -> tuple[int, float]:
        """``(delay, likeness)``: ``heard`` is most like what was ``played`` so many samples before.

        ``heard`` is ``(window,)``, ``played`` ``(window + reach,)`` and ends with it. The likeness is the
        correlation at that delay, 0 to about 1: independent voices reach 0.1 by chance and seldom 0.2, a
        voice and its echo in a room 0.3 to 0.9 from some 100 ms of it on, less where noise is as loud. 0
        where one of them is digital silence.
        """
        if not heard.any() or not played.any():
            return 0, 0.0
        there, here = self._whitened(played), self._whitened(heard * self._faded)
        products = np.fft.irfft(there * here.conj(), self._size)[: self.reach + 1]
        energy = np.zeros(self._size + 1)
        np.cumsum(np.square(np.fft.irfft(there, self._size)), out=energy[1:])
        # A hundredth of the whole: or silence, after whitening, would be like everything.
        under = energy[self.window :] - energy[: self.reach + 1] + 0.01 * energy[-1]
        own = float(np.sum(np.square(np.abs(here)))) * 2 / self._size  # Parseval
        likeness = np.abs(products) / np.sqrt(under * own)
        place = int(np.argmax(likeness))
        return self.reach - place, float(likeness[place])

    def _whitened(self, samples: Samples) -> npt.NDArray[np.complexfloating]:
        spectrum = np.fft.rfft(samples, self._size)
        inside = spectrum[self._band]
        root = np.sqrt(np.abs(inside))
        magnitude = root * np.sqrt(root)  # |X|^¾, without the price of a general power
        flat = np.zeros_like(spectrum)
        flat[self._band] = inside / (magnitude + 0.01 * magnitude.mean())
        return flat
