"""Written words as a clip that a scripted caller says: by espeak where it is installed, else as noise.

The noise has the spectrum and about the length of speech, but no words: a recogniser that listens hears
nothing in it. The words themselves travel beside the audio as captions, for the ``sim`` recogniser.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from zlib import crc32

import numpy as np

from voicepipe.audio.level import end_of_speech, first_audible
from voicepipe.audio.resample import resample
from voicepipe.core.extras import installed
from voicepipe.core.frames import FRAME_MS, Pcm, Word
from voicepipe.core.units import SECOND
from voicepipe.providers.espeak import find_language, words
from voicepipe.providers.espeak_library import LOCK, RATE, Manner, library
from voicepipe.speech.pieces import harmless, pieces
from voicepipe.transports.wav import Clip

WORDS_PER_SECOND = 2.5
"""Of the noise: as the `sim` recogniser expects it, and 150 words a minute is a calm speaker."""

LEVEL_DBFS = -20.0
"""RMS of what the caller says, as on a good microphone."""

SLOPE = 0.9
"""Of the one-pole low-pass that gives white noise the fall of speech, about 6 dB an octave from 300 Hz."""

PIECE = 200
"""Characters rendered at once."""


@lru_cache(maxsize=512)
def spoken(text: str, language: str, rate: int, *, by_espeak: bool | None = None) -> Clip:
    """``text`` as int16 mono at ``rate``; it begins with its first sound, to 20 ms.

    ``by_espeak`` None: if it is installed. Raises ``SetupError`` if espeak can't be used though it is.
    """
    if installed("espeakng_loader") if by_espeak is None else by_espeak:
        pcm, timed = _by_espeak(text, language)
        pcm = resample(pcm, RATE, rate)
    else:
        pcm, timed = _noise(text, rate)
    begun = pcm[first_audible(pcm, rate) or 0 :]
    early_ms = (pcm.size - begun.size) * 1000 // rate
    end = end_of_speech(begun, rate) or begun.size
    return Clip(text, begun[:end], end, captions(timed, early_ms, end * 1000 // rate))


def noise(length_ns: int, rate: int) -> Clip:
    """A sound of that length without words, such as a cough: int16 mono at ``rate``. Always the same."""
    pcm = _shaped(max(1, length_ns * rate // SECOND), seed=0)
    return Clip("noise", pcm, pcm.size, {})


def with_words(clip: Clip, text: str, rate: int) -> Clip:
    """A recorded ``clip`` in which ``text`` is said, each of its words for as long as the others."""
    said = text.split()
    length_ms = clip.end_of_speech * 1000 // rate
    return replace(clip, captions=captions(_evenly(said, length_ms / max(1, len(said))), 0, length_ms))


def captions(timed: Iterable[Word], early_ms: int, length_ms: int) -> dict[int, str]:
    """The words by the 20 ms frame that holds the middle of each, which is loud whatever pause is before it.

    ``early_ms`` of the audio have been cut away, and ``length_ms`` are left.
    """
    found: dict[int, str] = {}
    for word in timed:
        at_ms = min(max(0, (word.start_ms + word.end_ms) // 2 - early_ms), max(0, length_ms - 1))
        frame = at_ms // FRAME_MS
        found[frame] = f"{found[frame]} {word.text}" if frame in found else word.text
    return found


def _by_espeak(text: str, language: str) -> tuple[Pcm, list[Word]]:
    timed: list[Word] = []
    parts: list[Pcm] = []
    with LOCK:
        espeak = library()
        espeak.select(Manner(find_language(language, espeak.voices), 175, 100, 50, 50))
        for piece, last in pieces(text, PIECE):
            pcm, sounds = espeak.render(harmless(piece), end_pause=not last, stopped=bool)
            timed += words(piece, sounds, sum(part.size for part in parts), pcm.size)
            parts.append(pcm)
    pcm = np.concatenate(parts) if parts else np.zeros(0, np.int16)
    return (pcm, timed) if timed else (pcm, [Word(text=text, start_ms=0, end_ms=0)])


def _noise(text: str, rate: int) -> tuple[Pcm, list[Word]]:
    """The same text is the same noise."""
    said = text.split()
    length_ms = 1000 / WORDS_PER_SECOND
    size = max(1, round(len(said) * length_ms * rate / 1000))
    return _shaped(size, seed=crc32(text.encode())), _evenly(said, length_ms)


def _shaped(size: int, *, seed: int) -> Pcm:
    """Noise with the spectrum and the level of speech."""
    white = np.random.default_rng(seed).standard_normal(size)
    kernel = SLOPE ** np.arange(64)
    shaped = np.convolve(white, kernel)[:size]
    shaped *= 10 ** (LEVEL_DBFS / 20) * 32768 / np.sqrt(np.mean(shaped**2))
    return np.clip(np.round(shaped), -32768, 32767).astype(np.int16)


def _evenly(said: Sequence[str], length_ms: float) -> list[Word]:
    """Words one after the other, each ``length_ms`` long."""
    times = [round(number * length_ms) for number in range(len(said) + 1)]
    return [
        Word(text=word, start_ms=start, end_ms=end)
        for word, start, end in zip(said, times[:-1], times[1:], strict=True)
    ]
