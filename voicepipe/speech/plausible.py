"""Whether a text can be what was said, or was made up by a recogniser that heard no words."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from voicepipe.core.frames import UNRECOGNISED

MOST_REPETITIVE = 2.4
"""The ratio of a text's length to its compressed length above which it is a loop; from the same source."""


def compression_ratio(text: str) -> float:
    """How many times longer ``text`` is than its zlib compression: 1 to 2 for sentences, more for loops."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def believed(
    text: str, *, mean_logprob: float, no_speech: float, min_logprob: float, max_no_speech: float
) -> str:
    """``text``, or ``""`` for noise, or ``UNRECOGNISED`` for speech in which the words are guesswork.

    ``mean_logprob`` is the mean natural logarithm of the tokens' probabilities, ``no_speech`` the
    probability of the token for "nobody speaks". The rules are those of Whisper's own decoder
    (A. Radford et al.: "Robust Speech Recognition via Large-Scale Weak Supervision", 2022, section 4.5),
    except that where it would try again at a higher temperature this says that it didn't understand:
    a caller can be asked to repeat, and an invented sentence can't be taken back.
    """
    text = text.strip()
    if not any(character.isalnum() for character in text):
        return ""
    if mean_logprob < min_logprob:
        return "" if no_speech > max_no_speech else UNRECOGNISED
    if compression_ratio(text) > MOST_REPETITIVE:
        return UNRECOGNISED
    return text


def joined(texts: Iterable[str]) -> str:
    """The texts of successive pieces of audio as one; what wasn't recognised counts only if nothing was."""
    pieces = [text for text in texts if text]
    return " ".join(text for text in pieces if text != UNRECOGNISED) or (UNRECOGNISED if pieces else "")
