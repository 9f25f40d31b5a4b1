"""Where numbers stand in a text, as people write and as they say them. Pure.

"4111 1111", "four one one one" and "double four, uh, one one" are runs: groups of figures one after the
other, with no more between them than marks and a sound of hesitation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from voicepipe.speech.languages import base_of, grammar

_TOKEN = re.compile(r"\d+|[^\W\d_]+")
_BETWEEN = re.compile(r"[\s\-‐-―−.,/_()·•]{0,4}")
_ALWAYS = {
    **{"zero": 0, "oh": 0, "o": 0, "nought": 0, "nil": 0, "one": 1, "two": 2, "three": 3, "four": 4},
    **{"five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9},
}
"""Figures that are understood in any language: many speak English to a machine."""

_ALSO = {"nl": {"een": 1}, "es": {"un": 1}, "it": {"un": 1}}
"""Words that are articles as well, and numbers only among numbers."""

_TIMES = {"double": 2, "triple": 3, "doble": 2}
_FILLERS = frozenset(
    ("uh", "um", "uhm", "er", "erm", "eh", "hm", "hmm", "mm", "and", "then", "dash", "hyphen", "space")
)
_MOST_FILLERS = 2


@dataclass(frozen=True, slots=True)
class Group:
    """Figures in one piece: ``text[start:end]``. ``spoken``: written as words."""

    start: int
    end: int
    figures: str
    spoken: bool = False


Run = tuple[Group, ...]


def figures(run: Run) -> str:
    """All of them, one after the other."""
    return "".join(group.figures for group in run)


def is_spoken(run: Run) -> bool:
    """Whether any of it is written as words."""
    return any(group.spoken for group in run)


class NumberFinder:
    """Finds the runs of a text; ``language`` (BCP 47) is that of its words."""

    def __init__(self, language: str) -> None:
        own = grammar(language)
        base = base_of(language)
        self._values = {**_ALWAYS, **(own.numerals if own is not None else {}), **_ALSO.get(base, {})}
        if base != "en":
            self._values.pop("o", None)  # elsewhere it is a word of its own, mostly "or"
        self._fillers = _FILLERS - self._values.keys()

    def runs(self, text: str) -> Iterator[Run]:
        """From left to right; each as long as it gets."""
        groups: list[Group] = []
        end, fillers, times = 0, 0, 1
        for token in _TOKEN.finditer(text):
            word = token[0].casefold()
            apart = not _BETWEEN.fullmatch(text, end, token.start())
            if groups and (apart or fillers > _MOST_FILLERS):
                yield tuple(groups)
                groups, times = [], 1
            group = self._group(token, word, times)
            if group is not None:
                _append(groups, group)
                fillers, times = 0, 1
            elif word in _TIMES:
                times = _TIMES[word]
            elif word in self._fillers and groups:
                fillers += 1
            else:
                if groups:
                    yield tuple(groups)
                groups, fillers, times = [], 0, 1
            end = token.end()
        if groups:
            yield tuple(groups)

    def _group(self, token: re.Match[str], word: str, times: int) -> Group | None:
        if word[0].isdecimal():
            return Group(token.start(), token.end(), "".join(str(int(figure)) for figure in word))
        value = self._values.get(word)
        return None if value is None else Group(token.start(), token.end(), str(value) * times, spoken=True)


def _append(groups: list[Group], group: Group) -> None:
    """ "Forty" and "one" are 41, wherever there is one before the other."""
    before = groups[-1] if groups else None
    tens = before is not None and before.spoken and len(before.figures) == 2 and before.figures[0] > "1"
    if before is not None and tens and before.figures[1] == "0" and group.spoken and len(group.figures) == 1:
        groups[-1] = replace(before, end=group.end, figures=before.figures[0] + group.figures)
    else:
        groups.append(group)


def split(text: str, run: Run, between: re.Pattern[str]) -> Iterator[Run]:
    """``run`` in the pieces that only what ``between`` matches stands between; words of numbers hold together
    across anything."""
    piece: list[Group] = []
    for group in run:
        if piece:
            spoken = piece[-1].spoken or group.spoken
            if not spoken and not between.fullmatch(text, piece[-1].end, group.start):
                yield tuple(piece)
                piece = []
        piece.append(group)
    yield tuple(piece)
