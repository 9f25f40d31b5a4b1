"""Sounds that a caller makes, with what is known of them: where they begin and end, and which words are said.

Samples are float32 mono at 16 kHz, full scale is 1. All lengths in samples unless the name says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from voicepipe.audio.level import end_of_speech, first_audible
from voicepipe.core.frames import Pcm

RATE = 16_000
MS = RATE // 1000

NORMAL_DBFS = -20.0
"""What every sound is brought to before it is made louder or quieter: RMS of its loud frames."""

EDGE_DBFS = -35.0
"""Of a sound at that level: where its first and its last 20 ms frame above this are, it begins and ends."""

SLACK = 40 * MS
"""How far an aligner may be wrong about where a word begins or ends."""

FADE = 5 * MS
GRAIN = 5 * MS
"""How finely quiet places are looked for."""

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word, from sample ``start`` to ``end``."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """``onset`` and ``end`` are those of what is to be heard; there may be silence around it."""

    name: str
    samples: Samples
    onset: int
    end: int
    words: tuple[Spoken, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    def after(self, silence: int) -> Sound:
        """The same after so much silence."""
        words = tuple(Spoken(word.text, word.start + silence, word.end + silence) for word in self.words)
        samples = np.concatenate((np.zeros(silence, np.float32), self.samples))
        return Sound(self.name, samples, self.onset + silence, self.end + silence, words)


def sound(name: str, samples: npt.NDArray[np.floating], words: Sequence[Spoken] = ()) -> Sound:
    """``samples`` at the normal level. What is heard before and after the words is noise, not speech."""
    normal = (samples * (amplitude(NORMAL_DBFS) / _active(samples))).astype(np.float32)
    pcm = to_pcm(normal)
    onset, end = first_audible(pcm, RATE, EDGE_DBFS) or 0, end_of_speech(pcm, RATE, EDGE_DBFS) or pcm.size
    if words:
        onset, end = max(onset, words[0].start - SLACK), min(end, words[-1].end + SLACK)
    return Sound(name, normal, onset, end, tuple(replace(word, end=min(word.end, end)) for word in words))


def to_pcm(samples: npt.NDArray[np.floating]) -> Pcm:
    return np.asarray(np.clip(np.rint(samples * 32768), -32768, 32767), np.int16)


def amplitude(db: float) -> float:
    return float(10 ** (db / 20))


def _active(samples: npt.NDArray[np.floating]) -> float:
    """RMS of the 20 ms frames that are at most 30 dB quieter than the loudest one."""
    powers = _powers(samples, 20 * MS)
    return float(np.sqrt(powers[powers > powers.max() / 1000].mean()))


def _powers(samples: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.float64]:
    whole = np.pad(samples.astype(np.float64), (0, -samples.size % size))
    return np.asarray((whole.reshape(-1, size) ** 2).mean(axis=1))


def faded(samples: Samples, *, begin: bool = True, end: bool = True) -> Samples:
    ramp = np.arange(1, FADE + 1, dtype=np.float32) / FADE
    result = samples.copy()
    if begin:
        result[:FADE] *= ramp[: result.size]
    if end:
        result[-FADE:] *= ramp[::-1][-result.size :]
    return result


def _border(of: Sound, number: int) -> int:
    """The quietest place between word ``number - 1`` and word ``number``; the sound's ends at its ends."""
    if number == 0:
        return max(0, of.onset - 20 * MS)
    if number == len(of.words):
        return min(of.samples.size, of.end + 60 * MS)
    first = max(of.words[number - 1].end - 40 * MS, of.words[number - 1].start + 40 * MS)
    last = min(of.words[number].start + 40 * MS, of.words[number].end - 40 * MS)
    if last - first < 2 * GRAIN:
        return (of.words[number - 1].end + of.words[number].start) // 2
    powers = _powers(of.samples[first:last], GRAIN)
    return first + (int(np.argmin(powers)) * 2 + 1) * GRAIN // 2


def phrase(of: Sound, start: int, stop: int) -> Sound:
    """The words ``start`` to ``stop - 1`` of a longer recording, cut where it is quietest between words."""
    left, right = _border(of, start), _border(of, stop)
    words = [
        Spoken(word.text, max(0, word.start - left), min(right, word.end) - left)
        for word in of.words[start:stop]
    ]
    return sound(f"{of.name}[{start}:{stop}]", faded(of.samples[left:right]), words)


@dataclass(frozen=True, slots=True)
class Hesitation:
    """A sound with a pause in it; nothing is said from ``begin`` to ``end``."""

    sound: Sound
    begin: int
    end: int


def hesitate(of: Sound, number: int, length: int) -> Hesitation | None:
    """Pause for ``length`` before word ``number``, what is quiet there already included; None if it is
    longer already."""
    at = _border(of, number)
    loud = _powers(of.samples, GRAIN) > 10 ** (EDGE_DBFS / 10)
    left = right = at // GRAIN
    while left > 0 and not loud[left - 1]:
        left -= 1
    while right < loud.size and not loud[right]:
        right += 1
    missing = length - (right - left) * GRAIN
    if missing <= 0 or left * GRAIN <= of.onset:
        return None
    before = faded(of.samples[:at], begin=False)
    after = faded(of.samples[at:], end=False)
    samples = np.concatenate((before, np.zeros(missing, np.float32), after))
    words = tuple(
        Spoken(word.text, word.start, min(word.end, at))
        if n < number
        else Spoken(word.text, max(word.start, at) + missing, word.end + missing)
        for n, word in enumerate(of.words)
    )
    name = f"{of.name} with {length // MS} ms before '{of.words[number].text}'"
    paused = Sound(name, samples, of.onset, of.end + missing, words)
    return Hesitation(paused, left * GRAIN, left * GRAIN + length)
