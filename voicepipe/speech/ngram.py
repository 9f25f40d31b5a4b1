"""A bigram language model from weighted sentences, in the ARPA format that n-gram decoders read.

A sentence is a sequence of ``Piece``s. A piece is a word or a whole list of phrases (the cities, the
numbers 1 to 60) of which any one may be said. Only its first words, its last words and the word pairs
inside it matter to a bigram, so lists are never multiplied out: the expected number of each word pair is
computed directly.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

BEGIN, END = "<s>", "</s>"

BACKOFF = 0.1
"""The share of probability that goes to words which no template allows here. With 0.03 to 0.3 the same
clips were recognised; far below, one slip of the tongue loses the rest of the sentence."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Expected counts: how often each word begins it, ends it, and follows another one inside it.

    ``first`` and ``last`` sum to 1: a piece is never empty.
    """

    first: Mapping[str, float]
    last: Mapping[str, float]
    pairs: Mapping[tuple[str, str], float] = field(default_factory=dict)


def word(text: str) -> Piece:
    return Piece({text: 1.0}, {text: 1.0})


def any_of(phrases: Iterable[Sequence[str]]) -> Piece:
    """One of several phrases, each as likely as the others; a phrase is a sequence of words."""
    listed = [phrase for phrase in phrases if phrase]
    if not listed:
        raise ValueError("a list needs at least one phrase")
    share = 1 / len(listed)
    first: Counter[str] = Counter()
    last: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for phrase in listed:
        first[phrase[0]] += share  # type: ignore[assignment]  # a Counter of shares
        last[phrase[-1]] += share  # type: ignore[assignment]
        for pair in pairwise(phrase):
            pairs[pair] += share  # type: ignore[assignment]
    return Piece(first, last, pairs)


def repeated(words: Sequence[str], times: float) -> Piece:
    """``times`` words (on average) in a row, each any of ``words``: a number said digit by digit."""
    share = 1 / len(words)
    each = dict.fromkeys(words, share)
    repeats = max(times - 1, 0.0) * share * share
    return Piece(each, each, {(a, b): repeats for a in words for b in words})


class Bigrams:
    """Collects sentences; ``arpa()`` is the model of all of them."""

    def __init__(self) -> None:
        self._pairs: defaultdict[tuple[str, str], float] = defaultdict(float)

    def add(self, sentence: Sequence[Piece], weight: float) -> None:
        """``weight``: how likely this sentence is, relative to the others."""
        ends: Mapping[str, float] = {BEGIN: 1.0}
        for piece in (*sentence, word(END)):
            for a, p in ends.items():
                for b, q in piece.first.items():
                    self._pairs[a, b] += weight * p * q
            for pair, count in piece.pairs.items():
                self._pairs[pair] += weight * count
            ends = piece.last

    @property
    def vocabulary(self) -> list[str]:
        """The words, sorted, without the marks of beginning and end."""
        return sorted({b for _, b in self._pairs} - {END})

    def allows(self, words: Sequence[str], *, ended: bool = True) -> bool:
        """Whether each pair of neighbours stands in a sentence, and with ``ended`` the last word ends one."""
        pairs = zip((BEGIN, *words), (*words, END), strict=True)
        return all(pair in self._pairs for pair in (pairs if ended else list(pairs)[:-1]))

    def arpa(self, backoff: float = BACKOFF) -> str:
        """The model as ARPA text, base-10 logarithms, ``P(b|a) = (1-k) count(a b)/count(a) + k P(b)``.

        (Jelinek and Mercer's interpolation with a constant k, which is then the back-off weight of each
        word.) Unigrams are mixed with a uniform distribution, so that no word is out of reach.
        """
        followers: defaultdict[str, dict[str, float]] = defaultdict(dict)
        successors: Counter[str] = Counter()
        for (a, b), count in self._pairs.items():
            followers[a][b] = count
            successors[b] += count  # type: ignore[assignment]
        total, words = sum(successors.values()), sorted(successors)
        unigram = {w: 0.5 * successors[w] / total + 0.5 / len(words) for w in words}
        pairs = [
            (a, b, (1 - backoff) * count / sum(followers[a].values()) + backoff * unigram[b])
            for a in sorted(followers)
            for b, count in sorted(followers[a].items())
        ]
        log_backoff = math.log10(backoff)
        lines = ["\\data\\", f"ngram 1={len(words) + 1}", f"ngram 2={len(pairs)}", "", "\\1-grams:"]
        lines.append(f"-99 {BEGIN} {log_backoff:.4f}")
        lines += [f"{math.log10(unigram[w]):.4f} {w} {log_backoff:.4f}" for w in words]
        lines += ["", "\\2-grams:"]
        lines += [f"{math.log10(p):.4f} {a} {b}" for a, b, p in pairs]
        return "\n".join([*lines, "", "\\end\\", ""])
