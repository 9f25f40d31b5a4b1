"""Which words of a growing utterance can be believed while it is still growing.

A recogniser that is made for whole recordings is asked again and again about what it has got so far. Its
last words change from one answer to the next, since a word that is cut in half sounds like another one.

LocalAgreement-2 believes the words on which two successive hypotheses agree, from the first word on
(D. Macháček, R. Dabre, O. Bojar: "Turning Whisper into Real-Time Transcription System", IJCNLP-AACL 2023
demonstrations; after D. Liu et al., Interspeech 2020).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Thai, Lao, Burmese, Khmer, kana and Han: scripts without spaces, where a unit is one character."""

_UNIT = re.compile(rf"\s*(?:[{_UNSPACED}]|[^\s{_UNSPACED}]+)")
_PUNCTUATION = re.compile(r"\W+")


def units(text: str) -> tuple[str, ...]:
    """The words of ``text``, each with the space before it, so that joining them gives the text again.

    White space at the end is dropped. A word of a script without spaces is one character.
    """
    return tuple(_UNIT.findall(text))


def _sound(unit: str) -> str:
    """What two spellings of a word have in common: case and punctuation still change with what follows."""
    bare = _PUNCTUATION.sub("", unit).casefold()
    return bare or unit.strip()


def agreed(left: Sequence[str], right: Sequence[str]) -> int:
    """How many words from the first on are the same in both, but for case and punctuation."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if _sound(one) != _sound(other):
            break
        count += 1
    return count


class LocalAgreement:
    """The committed words of one utterance.

    They only grow, with one exception: when two successive hypotheses agree with each other and differ
    from what was committed, both committed words were wrong, and the later agreement replaces them.
    """

    def __init__(self) -> None:
        self.committed: tuple[str, ...] = ()
        self.contested = False
        """The last hypothesis contradicts a committed word."""
        self._last: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "".join(self.committed).strip()

    def add(self, text: str) -> bool:
        """Take the next hypothesis about all of the utterance; True if the committed words changed."""
        words = units(text)
        common = words[: agreed(self._last, words)]
        self._last = words
        before = self.committed
        known = agreed(before, common)
        if known == len(before) or known < len(common):
            self.committed = common  # in the newest spelling
        self.contested = agreed(self.committed, words) < min(len(self.committed), len(words))
        return self.committed != before
