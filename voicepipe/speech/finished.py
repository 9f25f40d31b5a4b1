"""How finished an utterance is, by its words and by its melody: 0 (goes on) to 1 (is over). Pure.

The words weigh more. What the voice says is added to the logarithm of their odds, bounded, so that it moves
a doubtful score and hardly a clear one.
"""

from __future__ import annotations

import math
from functools import lru_cache

from voicepipe.core.frames import UNRECOGNISED, Prosody
from voicepipe.speech.asked import question_of
from voicepipe.speech.clauses import EITHER_WAY, GOES_ON, SELDOM, completeness
from voicepipe.speech.dictation import dictated
from voicepipe.speech.languages import base_of, grammar
from voicepipe.speech.languages.words import Grammar, spoken_words

NOTHING_KNOWN = 0.45
"""Before there are words: a longer wait than most pauses inside a sentence, a shorter one than max_wait."""

CAREFUL = 0.65
"""The words of a language that isn't known here: still more than half a second."""

_STRONGEST = 0.7
"""The most that the voice changes the logarithm of the odds by: 0.5 becomes 0.33 or 0.67."""

_TYPICAL_FALL_DB, _DB_PER_UNIT = 5.0, 8.0
"""Voices fall by 1 to 2 dB before pauses inside a sentence, and by 6 to 10 dB at its end (medians)."""

_SEMITONES_PER_UNIT = 8.0
_SLOPE_PER_UNIT = 30.0
_ENOUGH_VOICED_MS = 150


def finished(text: str, *, language: str = "en", prosody: Prosody | None = None, asked: str = "") -> float:
    """The more finished, the higher. ``text``: the words so far; ``asked``: the agent's last words."""
    words = spoken_words(text)
    if text == UNRECOGNISED or not words:
        by_words = NOTHING_KNOWN
    elif (known := _grammar(base_of(language))) is None:
        by_words = CAREFUL
    else:
        by_words = _by_words(words, asked, known)
    by_words = _punctuated(by_words, text.rstrip())
    return _with_voice(by_words, prosody) if prosody else by_words


@lru_cache(maxsize=16)
def _grammar(language: str) -> Grammar | None:
    return grammar(language)


def _by_words(words: list[str], asked: str, known: Grammar) -> float:
    question = question_of(asked, known)
    score = completeness(words, known, question.wanted)
    if score <= GOES_ON:
        return score
    dictation = dictated(words, question, known)
    return score if dictation is None else dictation


def _punctuated(score: float, text: str) -> float:
    """A recogniser that writes marks has heard something, too; a full stop it writes everywhere."""
    if text.endswith(("...", "…", ",", "-", "–", "—", ":")):
        return min(score, SELDOM)
    return max(score, EITHER_WAY) if text.endswith("?") and score > GOES_ON else score


def _with_voice(score: float, prosody: Prosody) -> float:
    """A low and soft end speaks for the end of a turn, a level one against it."""
    evidence = (prosody.level_fall - _TYPICAL_FALL_DB) / _DB_PER_UNIT
    if prosody.pitch_slope is not None and prosody.voiced_ms >= _ENOUGH_VOICED_MS:
        evidence -= prosody.pitch_slope / _SLOPE_PER_UNIT
        if prosody.pitch_height is not None:
            evidence -= prosody.pitch_height / _SEMITONES_PER_UNIT
    shift = max(-_STRONGEST, min(_STRONGEST, evidence))
    return 1 / (1 + math.exp(-math.log(score / (1 - score)) - shift))
