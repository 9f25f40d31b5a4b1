"""What somebody says while the agent speaks: nothing, "go on", "be silent", or something. Pure.

What "yes" means depends on what went before, and only the policy knows that: after a question it is an
answer. Here it is a backchannel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from functools import lru_cache

from voicepipe.core.frames import UNRECOGNISED
from voicepipe.speech.languages import base_of, listening
from voicepipe.speech.languages.words import Listening, plain_words

LONGEST_BACKCHANNEL = 5
"""In words; who says more than that wants to be listened to."""

LONGEST_SAFETY = 6
"""In words; in a longer sentence "stop" is hardly more than a word."""

_Words = tuple[str, ...]


class Said(StrEnum):
    NOTHING = "nothing"
    """A cough, noise, or a word that may yet become a backchannel."""
    BACKCHANNEL = "backchannel"
    SAFETY = "safety"
    WORDS = "words"


def classify(
    text: str, language: str = "en", safety_phrases: Iterable[str] = (), *, final: bool = True
) -> Said:
    """What ``text``, a transcript so far, is. Case, accents and punctuation don't matter.

    ``safety_phrases`` are understood beside those of ``language``. Unless the text is ``final``, the
    beginning of a backchannel ("I", which may become "I see") is nothing yet.
    """
    words = tuple(plain_words(text))
    if not words or text == UNRECOGNISED:
        return Said.NOTHING
    known = _known(base_of(language))
    own = {tuple(plain_words(phrase)) for phrase in safety_phrases} - {()}
    if _is_safety(words, known, known.safety | own):
        return Said.SAFETY
    if words in known.refusals or len(words) > LONGEST_BACKCHANNEL:
        return Said.WORDS
    unexplained = _unexplained(words, known.backchannels)
    if () in unexplained:
        return Said.BACKCHANNEL
    if not final and any(_begins_one(rest, known.backchannels) for rest in unexplained):
        return Said.NOTHING
    return Said.WORDS


@lru_cache(maxsize=16)
def _known(language: str) -> Listening:
    return listening(language)


def _is_safety(words: _Words, known: Listening, safety: Collection[_Words]) -> bool:
    if words in safety:
        return True
    if len(words) > LONGEST_SAFETY:
        return False
    for size in range(1, len(words)):
        if words[:size] in safety and words[size] not in known.objects:
            return True
        if words[-size:] in safety and words[-size - 1] not in known.negations:
            return True
    around = known.softeners | known.backchannels
    with_safety = around | known.safety_alone | known.safety
    return () in _unexplained(words, with_safety) and () not in _unexplained(words, around)


def _unexplained(words: _Words, backchannels: Collection[_Words]) -> list[_Words]:
    """What remains of ``words`` after each sequence of backchannels that they begin with."""
    reached = {0}
    for start in range(len(words)):
        if start in reached:
            ends = range(start + 1, len(words) + 1)
            reached.update(end for end in ends if words[start:end] in backchannels)
    return [words[start:] for start in sorted(reached)]


def _begins_one(words: _Words, backchannels: Collection[_Words]) -> bool:
    return any(phrase[: len(words)] == words for phrase in backchannels)
