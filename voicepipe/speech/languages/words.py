"""What is written down of a language: the small closed classes of words that turns are told by."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*'?")
_DRAWN_OUT = re.compile(r"(\w)\1{2,}")


def plain_words(text: str) -> list[str]:
    """``"Mm-hmm, that’s RIGHT!"`` → ``mm hmm thats right``: what recognisers spell the same in the end.

    Small letters without accents, apostrophes and punctuation; a letter that is drawn out is written once.
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).replace("’", "'")
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    words = [word.replace("'", "") for word in _WORD.findall(text)]
    return [_DRAWN_OUT.sub(r"\1", word) for word in words]


def phrases(text: str) -> frozenset[tuple[str, ...]]:
    """The phrases of ``text``, which stand one or several to a line and are parted by commas."""
    every = (tuple(plain_words(phrase)) for line in text.splitlines() for phrase in line.split(","))
    return frozenset(phrase for phrase in every if phrase)


def word_set(text: str) -> frozenset[str]:
    """The words of ``text``, as ``plain_words`` gives them."""
    return frozenset(plain_words(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What is said to somebody who is speaking. Each phrase is a tuple of ``plain_words``."""

    backchannels: frozenset[tuple[str, ...]]
    """ "I am listening, go on": a sequence of these takes no turn."""
    refusals: frozenset[tuple[str, ...]]
    """What would be a backchannel by its parts, but means something, such as "uh-uh"."""
    safety: frozenset[tuple[str, ...]]
    """Falling silent is all that is wanted, also where more words follow or went before."""
    safety_alone: frozenset[tuple[str, ...]]
    """Likewise, but with ``softeners`` and backchannels only: "enough" yes, "fair enough" no."""
    softeners: frozenset[tuple[str, ...]]
    objects: frozenset[str]
    """Words after "stop" that make it a command about something else: "stop the timer"."""
    negations: frozenset[str]
    """Words before "stop" that make it something else: "don't stop"."""
