"""Numbers and names that are dictated in groups: are enough figures there? Pure."""

from __future__ import annotations

from collections.abc import Sequence

from voicepipe.speech.asked import Question, Wanted
from voicepipe.speech.languages.words import Grammar

TOO_FEW = 0.15
ENOUGH = 0.6
"""As many as such a number has at least: it may be longer."""

PER_FIGURE = 0.05
"""By how much each further figure makes it likelier that it was the last one."""

MOST_LIKELY_ALL = 0.75
ALL = 0.8
SPELLING = 0.45
"""Letters one by one, and nobody said how many: the pauses between them are as long as those at the end."""

_LONGEST_RUN = 3
"""So many single figures in a row are being dictated, whatever was asked."""

_DATE_WITH_YEAR = 5
"""Figures of "May third eighty-two", a month counted as two."""


def dictated(words: Sequence[str], question: Question, grammar: Grammar) -> float | None:
    """How finished the dictation in ``words`` is, 0…1; None if there is none, or if words end it."""
    if question.wanted is Wanted.FIGURES:
        return _asked_for(words, question, grammar)
    if question.wanted is Wanted.DATE_WITH_YEAR:
        return _date(words, grammar)
    if question.wanted is Wanted.ADDRESS:
        return _address(words, grammar)
    return _unasked(words, grammar)


def _asked_for(words: Sequence[str], question: Question, grammar: Grammar) -> float | None:
    count = sum(_figures(word, grammar) for word in words)
    if count == 0:
        return None
    if count < question.figures:
        return TOO_FEW
    if not _figures(words[-1], grammar):
        return None
    return ALL if question.exact else _at_least(question.figures, count)


def _at_least(least: int, count: int) -> float:
    return TOO_FEW if count < least else min(MOST_LIKELY_ALL, ENOUGH + PER_FIGURE * (count - least))


def _date(words: Sequence[str], grammar: Grammar) -> float | None:
    count = sum(2 if word in grammar.months else _figures(word, grammar) for word in words)
    if count == 0:
        return None
    return TOO_FEW if count < _DATE_WITH_YEAR else ALL


def _address(words: Sequence[str], grammar: Grammar) -> float | None:
    dots = [place for place, word in enumerate(words) if word in grammar.dots]
    if dots:
        return ALL if dots[-1] < len(words) - 1 and len(words[-1]) > 1 else TOO_FEW
    return TOO_FEW if any(len(word) == 1 for word in words[-2:]) else None


def _unasked(words: Sequence[str], grammar: Grammar) -> float | None:
    start = len(words)
    while start and _figures(words[start - 1], grammar):
        start -= 1
    run, before = words[start:], words[max(0, start - 4) : start]
    if run and grammar.bare_number_nouns.intersection(before):
        least = max(grammar.number_nouns.get(word, 0) for word in before)
        return _at_least(least, sum(_figures(word, grammar) for word in run))
    if len(run) < 2 or any(len(word) > 1 and grammar.numerals.get(word, 0) > 9 for word in run):
        return None
    if any(word.isalpha() and word not in grammar.numerals for word in run):
        return SPELLING
    return ENOUGH if len(run) >= _LONGEST_RUN else None


def _figures(word: str, grammar: Grammar) -> int:
    """How many figures ``word`` is: "seven" 1, "twenty" 2, "123" 3, "b" 1, "hello" 0."""
    if word in grammar.numerals:
        return 1 if grammar.numerals[word] < 10 else 2
    digits = sum(letter.isdecimal() for letter in word)
    return digits or (len(word) == 1 and word not in grammar.subjects and word not in grammar.determiners)
