"""How many of the words that were said a recogniser has got wrong. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voicepipe.speech.languages.words import plain_words

MAX_WORDS = 10_000
"""Of one side; more than are said in an hour."""


def word_errors(reference: str, heard: str) -> tuple[int, int]:
    """``(errors, words of the reference)``: words replaced, left out and added, as few as explain ``heard``.

    Both sides are compared as ``plain_words`` gives them: without regard to case, accents, apostrophes and
    punctuation, hyphens parting words, and letters that are drawn out written once. Numbers stay as they are
    written: "10" for "ten" is an error. The errors over the words are the word error rate, which exceeds 1
    where more was heard than said. Of each side the first ``MAX_WORDS`` count.
    """
    wanted, found = plain_words(reference)[:MAX_WORDS], plain_words(heard)[:MAX_WORDS]
    return distance(wanted, found), len(wanted)


def distance(wanted: Sequence[str], found: Sequence[str]) -> int:
    """The edit distance of Levenshtein (1966): a word replaced, left out or added counts 1."""
    numbers: dict[str, int] = {}
    rows = [numbers.setdefault(word, len(numbers)) for word in wanted]
    columns = np.array([numbers.setdefault(word, len(numbers)) for word in found], np.int64)
    places = np.arange(columns.size + 1)
    row = places.copy()
    for word in rows:
        above = row + 1
        above[1:] = np.minimum(above[1:], row[:-1] + (columns != word))
        # A word that was added costs 1 more than the place to its left, wherever that comes from.
        row = np.minimum.accumulate(above - places) + places
    return int(row[-1])
