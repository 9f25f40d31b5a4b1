"""How speech sounds just before it pauses: does the voice fall, as at an end, or go on? Pure.

The pitch is found by YIN (A. de Cheveigné and H. Kawahara: "YIN, a fundamental frequency estimator for
speech and music", J. Acoust. Soc. Am. 111(4), 2002; its steps 2 to 5), at 8 kHz, which is enough for a
voice of up to 500 Hz and costs half of 16 kHz. The slope is the median of all pairwise slopes (H. Theil
1950, P. K. Sen 1968), which an octave error here and there doesn't move.

All of it is computed at once, at the pause, and meanwhile nobody else's audio goes on: hence a frame every
20 ms only, transforms no longer than they need be, and few calls, each of which costs more than its numbers.

This imports NumPy: a module that is needed for validating a pipeline file imports this one late.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from numpy import fft  # of its own accord numpy imports it at the first use, in the middle of a call

from voicepipe.core.frames import Pcm

Floats = npt.NDArray[np.float32]

_MEMORY_S = 1.2
"""How much of the utterance is looked at: a phrase."""

_RATE = 8000
_HOP_MS = 20
_INTEGRATION_MS = 25.0
"""YIN's window; it has to be longer than the longest period."""

_LEVEL_MS = 20
"""The level of a frame is that of its last so many."""

_LOWEST_HZ, _HIGHEST_HZ = 65.0, 500.0
_APERIODIC = 0.2
"""YIN's threshold (step 4): the share of a frame's power that may be aperiodic, and it is still voiced."""

_STRETCH_MS = 400
"""The slope is taken over so much voiced speech at most: the last two syllables make the melody."""

_SHORTEST_STRETCH_MS = 80
_END_MS = 80
"""The end whose pitch and level are compared with what went before."""

_UNVOICED_END_MS = 350
"""A final "-sts" is this long at most; what was voiced before it is no end."""

_BASELINE_MS = 400
"""With less voiced speech than this the speaker's median isn't known."""

_REMEMBERED = 15_000 // _HOP_MS
"""Frames of which the speaker's median is taken: the last 15 s of voiced speech."""

_AUDIBLE = 1e-3
"""Frames with less of the loudest one's power (30 dB below it) are silence."""

_SILENT = 1e-6
"""And so is what has less of full scale's power: -60 dBFS."""

_FAR_SEMITONES = 8.0
"""A frame this far from the stretch's median is an octave error."""


@dataclass(frozen=True, slots=True)
class Measures:
    """``pitch_slope`` in semitones per second over the last voiced stretch, of ``voiced_ms``;
    ``pitch_height``, its end, in semitones above the speaker's median; ``level_fall``: by how many dB the
    end is quieter than the speech before it. None: too little was voiced.
    """

    pitch_slope: float | None
    pitch_height: float | None
    level_fall: float
    voiced_ms: int


class ProsodyTracker:
    """One speaker, whose median pitch is learned from one ``measure`` to the next.

    ``rate`` is that of the audio in Hz, 8000 or more.
    """

    def __init__(self, rate: int) -> None:
        self._step = max(1, rate // _RATE)
        self._rate = rate / self._step
        self._size = int(rate * _MEMORY_S) // self._step * self._step
        self._ring: Pcm = np.empty(0, np.int16)
        """Has its size from the first speech on: 40 kB that a call without any never needs."""
        self._at = 0
        self._filled = 0
        self._unmeasured = 0
        self._known: Floats = np.empty(_REMEMBERED, np.float32)
        self._known_at = 0
        self._known_count = 0

    def push(self, window: Pcm) -> None:
        """Take the next samples of an utterance, shape (n,)."""
        size = self._size
        if self._ring.size == 0:
            self._ring = np.zeros(size, np.int16)
        ring = self._ring
        window = window[-size:]
        first = min(window.size, size - self._at)
        ring[self._at : self._at + first] = window[:first]
        ring[: window.size - first] = window[first:]
        self._at = (self._at + window.size) % size
        self._filled = min(size, self._filled + window.size)
        self._unmeasured = min(size, self._unmeasured + window.size)

    def reset(self) -> None:
        """A new utterance begins; the speaker's median pitch stays known."""
        self._filled = 0
        self._unmeasured = 0

    def measure(self, silence: int = 0) -> Measures:
        """How the speech sounded up to now, without the last ``silence`` samples."""
        hop = int(self._rate * _HOP_MS / 1000)
        frames = _frames(self._speech(silence), hop, self._rate)
        new = max(0, self._unmeasured - silence) // (self._step * hop)
        self._unmeasured = 0
        power = _power(frames, int(self._rate * _LEVEL_MS / 1000))
        audible = np.flatnonzero(power > max(_SILENT, _AUDIBLE * power.max(initial=0)))
        if audible.size == 0:
            return Measures(None, None, 0.0, 0)
        pitch = np.full(int(audible[-1]) + 1, np.nan, np.float32)
        pitch[audible] = _yin(frames[audible], self._rate)
        self._learn(pitch[max(0, len(frames) - new) :])
        stretch, at = _last_stretch(pitch)
        voiced_ms = stretch.size * _HOP_MS
        fall = _level_fall(power[audible])
        if voiced_ms < _SHORTEST_STRETCH_MS:
            return Measures(None, None, fall, voiced_ms)
        return Measures(_theil_sen(at * (_HOP_MS / 1000), stretch), self._height(stretch), fall, voiced_ms)

    def _speech(self, silence: int) -> Floats:
        """The remembered audio in order, at about 8 kHz, in -1…1."""
        ring, step = self._ring, self._step
        whole = max(0, self._filled - silence) // step * step
        begins = (self._at - silence - whole) % self._size
        pcm = ring[begins : begins + whole]
        pcm = np.concatenate((pcm, ring[: whole - pcm.size]))
        mean = np.full(step, 1 / (32768 * step), np.float32)  # of so many, as a product: twenty times as fast
        return np.asarray(pcm.astype(np.float32).reshape(-1, step) @ mean, np.float32)

    def _learn(self, pitch: Floats) -> None:
        for value in pitch[~np.isnan(pitch)]:
            self._known[self._known_at] = value
            self._known_at = (self._known_at + 1) % _REMEMBERED
            self._known_count = min(_REMEMBERED, self._known_count + 1)

    def _height(self, stretch: Floats) -> float | None:
        if self._known_count * _HOP_MS < _BASELINE_MS:
            return None
        end = _median(stretch[-_END_MS // _HOP_MS :])
        return end - _median(self._known[: self._known_count])


def _frames(speech: Floats, hop: int, rate: float) -> Floats:
    """Overlapping frames, shape (n, samples), the last of which ends where the speech does."""
    size = int(rate * _INTEGRATION_MS / 1000) + int(rate / _LOWEST_HZ) + 1
    count = max(0, (speech.size - size) // hop + 1)
    spare = speech.size - size - (count - 1) * hop if count else 0
    # As sliding_window_view(speech, size)[spare::hop], which looks at much before it does it.
    return np.ndarray((count, size), np.float32, speech, spare * 4, (hop * 4, 4))


def _power(frames: Floats, size: int) -> Floats:
    """Of the last ``size`` samples of each frame, 1 for full scale."""
    end = frames[:, -size:]
    return np.asarray(np.einsum("ij,ij->i", end, end) / size, np.float32)


def _level_fall(power: Floats) -> float:
    return 10 * math.log10(float(power.mean()) / float(power[-_END_MS // _HOP_MS :].mean()))


def _yin(frames: Floats, rate: float) -> Floats:
    """The pitch of each frame in semitones above 1 Hz, NaN where it isn't voiced."""
    shortest, longest = int(rate / _HIGHEST_HZ), int(rate / _LOWEST_HZ)
    size = frames.shape[1]
    window = size - longest - 1
    frames = frames - frames.mean(axis=1, keepdims=True)
    # Step 2, the difference function: d(t) = power(0) + power(t) - 2 * correlation(t).
    power, change = _powers(frames, window)
    difference = np.maximum(2 * (power - _correlation(frames, window)) + change, 0)  # of lag 1 and on
    # Step 3: divided by its own mean so far, so that lag 0 is no minimum.
    sums = np.maximum(np.cumsum(difference, axis=1), 1e-12)
    normal = difference * np.arange(1, longest + 2) / sums
    # Step 4: the first minimum below the threshold.
    inner = normal[:, shortest - 1 : longest]
    minimum = (inner <= normal[:, shortest - 2 : longest - 1]) & (inner < normal[:, shortest : longest + 1])
    candidate = minimum & (inner < _APERIODIC)
    rows = np.flatnonzero(candidate.any(axis=1))
    at = candidate[rows].argmax(axis=1) + shortest - 1
    # Step 5: the vertex of the parabola through the minimum and its neighbours.
    left, middle, right = normal[rows, at - 1], normal[rows, at], normal[rows, at + 1]
    curvature = left - 2 * middle + right
    vertex = at + 1 + 0.5 * (left - right) / np.where(curvature > 1e-12, curvature, np.inf)
    pitch = np.full(len(frames), np.nan, np.float32)
    pitch[rows] = 12 * np.log2(rate / vertex)
    return pitch


def _powers(frames: Floats, window: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Of the first ``window`` samples of each frame, and by how much more as many have at lag 1 and on."""
    square = np.square(frames)
    change = np.cumsum(square[:, window:] - square[:, :-window], axis=1, dtype=np.float64)
    return square[:, :window].sum(axis=1, keepdims=True, dtype=np.float64), change


def _correlation(frames: Floats, window: int) -> Floats:
    """Of the first ``window`` samples of each frame with as many at lag 1 and on.

    The longest lag ends with the frame, so nothing wraps around, and the transform needs no padding.
    """
    size = frames.shape[1]
    head = frames.copy()
    head[:, window:] = 0
    # Divided by the size, although it has to be multiplied again: else NumPy multiplies by the integer 1, and
    # for float32 with an integer it transforms in extended precision, on a copy of 16 bytes a sample. Blocks
    # of memory that are as large as that leave holes behind, and a process grows by each.
    spectrum = fft.rfft(head, norm="forward").conj()
    spectrum *= fft.rfft(frames, norm="forward")
    return np.asarray(fft.irfft(spectrum, size)[:, 1 : size - window + 1] * np.float32(size**2), np.float32)


def _last_stretch(pitch: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    """The pitches of the last voiced frames, and their numbers; empty if the end wasn't voiced."""
    voiced = np.flatnonzero(~np.isnan(pitch))
    if voiced.size == 0 or (len(pitch) - voiced[-1]) * _HOP_MS > _UNVOICED_END_MS:
        return pitch[:0], voiced[:0]
    at = voiced[voiced > voiced[-1] - 1.5 * _STRETCH_MS / _HOP_MS][-_STRETCH_MS // _HOP_MS :]
    near = np.abs(pitch[at] - _median(pitch[at])) < _FAR_SEMITONES
    return pitch[at[near]], at[near]


def _median(values: npt.NDArray[np.floating]) -> float:
    """As ``np.median``, whose first call imports ``numpy.ma``: for 10 ms, in the middle of a call."""
    ordered, middle = np.sort(values), values.size // 2
    return float(ordered[middle] if values.size % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def _theil_sen(at: npt.NDArray[np.floating], values: Floats) -> float:
    first, second = _pairs(len(values))
    return _median((values[second] - values[first]) / (at[second] - at[first]))


@lru_cache(maxsize=_STRETCH_MS // _HOP_MS)
def _pairs(count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    first, second = np.triu_indices(count, 1)
    return first, second
