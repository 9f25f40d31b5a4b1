"""Changing the sample rate of a stream with at most 2 ms of delay (from 8 kHz up).

A rational resampler by ``up / down`` (the two rates over their greatest common divisor) as a bank of ``up``
short FIR filters, one for each position of an output sample between two input samples: P. P. Vaidyanathan,
*Multirate Systems and Filter Banks*, 1993, chapter 4. The prototype is a sinc under a Kaiser window: J. F.
Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", 1974.

The filter spans 16 samples of the *lower* rate to each side, which fixes the delay (2 ms at 8 kHz, 1 ms at
16 kHz) and with it how steep the filter can be: flat to 0.84 of the lower rate's Nyquist frequency, −6 dB
at it, −78 dB and less from 1.16 of it. On a telephone line (8 kHz) that is 3.4 kHz, its band, and images
begin above 4.6 kHz. What lies between folds back only above 0.84. A steeper filter would be a later answer.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voicepipe.audio.pcm import Pcm, check_rate, to_pcm

HALF_SPAN = 16
"""Filter length to each side, in samples of the lower rate."""

KAISER_BETA = 7.86
"""Kaiser's ``0.1102 (A − 8.7)`` for a stop band of A = 80 dB."""

TAP_GRID = 2.0**24
"""Taps are multiples of 1/TAP_GRID, so that sums of their products with int16 are exact in float64: the
result is then the same to the bit whatever the block sizes, the order of summation and the machine."""

MAX_BLOCK = 1920
"""Input samples filtered at once; bounds the memory for long clips."""

FEW = 480
"""The same where rounds can't be made: what is gathered for more would be memory that the system has to give
anew."""

ROUNDS = 8
"""Times that the outputs go once through the phases, made as one row of a product of matrices: the filter's
window is copied once for all of them, not once for each output."""

MOST_STEPS = 8
"""Up to it ``up`` and ``down`` are small enough for that: most of the matrix would be zeros."""


Samples: TypeAlias = npt.NDArray[np.float64]


class Resampler:
    """Resamples a mono int16 stream that arrives in blocks of any size.

    The output doesn't depend on how the input was cut into blocks, and is late by `delay_samples`. After n
    samples, ``ceil(n * to_rate / from_rate)`` have come out: 20 ms in give 20 ms out wherever both are
    whole numbers of samples. With equal rates blocks pass through as they are. Rates out of range raise
    `AudioError`.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        divisor = gcd(check_rate(from_rate), check_rate(to_rate))
        self._up, self._down = to_rate // divisor, from_rate // divisor
        self.delay_samples = 0 if from_rate == to_rate else _delay(self._up, self._down)
        """How late the output is, in samples at ``to_rate``."""
        self.delay_ms = 1000 * self.delay_samples / to_rate
        self._bank = _filter_bank(self._up, self._down)
        self._rounds = _rounds(self._up, self._down) if max(self._up, self._down) <= MOST_STEPS else None
        self._reset()

    def _reset(self) -> None:
        self._history = np.zeros(self._bank.shape[1] - 1)
        # Where the next output sample lies after the first input sample to come, in 1/up of an input sample.
        self._next = 0

    def process(self, pcm: Pcm) -> Pcm:
        """Take the next ``(n,)`` samples at ``from_rate``, return those that they complete at ``to_rate``."""
        if self._up == self._down:
            return pcm
        size = self._together(len(pcm))
        if size == len(pcm):
            return self._filter(pcm)
        blocks = []
        while len(pcm):
            size = self._together(len(pcm))
            blocks.append(self._filter(pcm[:size]))
            pcm = pcm[size:]
        return np.concatenate(blocks)

    def flush(self) -> Pcm:
        """Return the last `delay_samples` of the stream; the next block begins a new one."""
        silence = np.zeros((self.delay_samples + 1) * self._down // self._up + 1, np.int16)
        tail = self.process(silence)[: self.delay_samples]
        self._reset()
        return tail

    def _together(self, count: int) -> int:
        """How many of the next ``count`` samples are filtered at once: of many, what makes whole rounds."""
        if count <= FEW or self._rounds is None or self._next != 0:
            return min(count, FEW)
        return min(count, MAX_BLOCK) // (ROUNDS * self._down) * ROUNDS * self._down

    def _filter(self, pcm: Pcm) -> Pcm:
        before = self._history
        samples = np.empty(len(before) + len(pcm))  # takes half as long as concatenate()
        samples[: len(before)] = before
        samples[len(before) :] = pcm
        self._history = samples[len(pcm) :]
        step = ROUNDS * self._down
        if self._rounds is not None and self._next == 0 and len(pcm) % step == 0:
            rows = self._windows(samples, step, len(pcm) // step, len(self._rounds))
            return to_pcm((np.ascontiguousarray(rows) @ self._rounds).ravel())
        first, length = self._next, len(pcm) * self._up
        count = -(-(length - first) // self._down)
        self._next += count * self._down - length
        if count == 0:
            return np.empty(0, np.int16)
        inputs, phases = np.divmod(np.arange(first, length, self._down), self._up)
        windows = self._windows(samples, 1, len(pcm), self._bank.shape[1])[inputs]
        return to_pcm(np.einsum("ij,ij->i", windows, self._bank[phases]))

    @staticmethod
    def _windows(samples: Samples, step: int, count: int, width: int) -> Samples:
        """Rows of ``samples``, overlapping, each ``step`` after the one before; made as a view.

        NumPy's own ``sliding_window_view`` takes longer for it than the filter for 20 ms.
        """
        item = samples.itemsize
        return np.ndarray((count, width), samples.dtype, samples, 0, (step * item, item))


def _delay(up: int, down: int) -> int:
    """The largest whole number of output samples within `HALF_SPAN` samples of the lower rate."""
    return HALF_SPAN * up // min(up, down)


@lru_cache(maxsize=16)
def _filter_bank(up: int, down: int) -> npt.NDArray[np.float64]:
    """The taps for each phase, ``(up, width)``, the one for the newest input sample last; read-only.

    ``prototype[k]`` belongs to the time k of a grid of ``up`` steps per input sample. Its half length is a
    whole number of output samples, which makes the delay one.
    """
    if up == down:
        return np.ones((1, 1))
    half = _delay(up, down) * down
    width = -(-(2 * half + 1) // up)
    prototype = np.zeros(width * up)
    prototype[: 2 * half + 1] = np.sinc(np.arange(-half, half + 1) / max(up, down))
    prototype[: 2 * half + 1] *= np.kaiser(2 * half + 1, KAISER_BETA)
    bank = prototype.reshape(width, up).T[:, ::-1]
    bank = bank / bank.sum(axis=1, keepdims=True)  # each phase has gain 1 at 0 Hz: a constant stays one
    bank = np.ascontiguousarray(np.rint(bank * TAP_GRID) / TAP_GRID)
    bank.flags.writeable = False
    return bank


@lru_cache(maxsize=16)
def _rounds(up: int, down: int) -> Samples:
    """The taps of each output beside its inputs, ``(width − 1 + ROUNDS * down, ROUNDS * up)``; read-only."""
    bank = _filter_bank(up, down)
    width = bank.shape[1]
    matrix = np.zeros((width - 1 + ROUNDS * down, ROUNDS * up))
    for output in range(ROUNDS * up):
        first, phase = divmod(output * down, up)
        matrix[first : first + width, output] = bank[phase]
    matrix.flags.writeable = False
    return matrix


def resample(pcm: Pcm, from_rate: int, to_rate: int) -> Pcm:
    """Resample a whole mono clip; the result is in time with it and ``n * to_rate / from_rate`` samples long,
    rounded to the nearest. With equal rates the clip itself is returned."""
    if from_rate == to_rate:
        return pcm
    resampler = Resampler(from_rate, to_rate)
    late = np.concatenate((resampler.process(pcm), resampler.flush()))
    length = (2 * len(pcm) * to_rate + from_rate) // (2 * from_rate)
    return late[resampler.delay_samples :][:length]
