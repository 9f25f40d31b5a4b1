"""What the agent's last words ask for: how much of an answer is an answer. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from voicepipe.speech.languages.words import Grammar, spoken_words


class Wanted(StrEnum):
    ANYTHING = "anything"
    """Nothing was asked, or "how can I help you?": what comes is likely a sentence."""
    THING = "thing"
    """ "Which size?": two words are an answer."""
    CLAUSE = "clause"
    """ "Why?", "when?": so is "because it's broken"."""
    YES_OR_NO = "yes or no"
    FIGURES = "figures"
    """A number that is dictated, of at least so many figures."""
    DATE_WITH_YEAR = "date with year"
    ADDRESS = "address"
    """An e-mail address."""


@dataclass(frozen=True, slots=True)
class Question:
    wanted: Wanted
    figures: int = 0
    exact: bool = False
    """Whether the number has ``figures`` figures, and not more."""


_ANYTHING = Question(Wanted.ANYTHING)
_MOST_FIGURES = 20
_SENTENCE = re.compile(r"[^.!?…]*[.!?…]+|[^.!?…]+$")


def question_of(asked: str, grammar: Grammar) -> Question:
    """What the last sentence of ``asked`` wants to hear."""
    sentences = [sentence for sentence in _SENTENCE.findall(asked) if sentence.strip(" .!?…\n\"'")]
    if not sentences:
        return _ANYTHING
    sentence = sentences[-1]
    words = spoken_words(sentence)
    asks = "?" in sentence
    if not words or not (asks or grammar.wishes.intersection(words)):
        return _ANYTHING
    return _number(words, grammar) or _kind(words, grammar, asks=asks)


def _kind(words: list[str], grammar: Grammar, *, asks: bool) -> Question:
    if not asks:
        return _ANYTHING
    if grammar.helping.intersection(words):
        return _ANYTHING
    if grammar.reasons.intersection(words):
        return Question(Wanted.CLAUSE)
    if grammar.questions.intersection(words):
        return Question(Wanted.THING)
    return Question(Wanted.YES_OR_NO)


def _number(words: list[str], grammar: Grammar) -> Question | None:
    if grammar.birth.intersection(words):
        return Question(Wanted.DATE_WITH_YEAR)
    if grammar.mail.intersection(words):
        return Question(Wanted.ADDRESS)
    for said, noun in pairwise(words):
        count = int(said) if said.isdecimal() else grammar.numerals.get(said, 0)
        if noun in grammar.figures and 0 < count <= _MOST_FIGURES:
            return Question(Wanted.FIGURES, count, exact=True)
    if not grammar.bare_number_nouns.intersection(words):
        return None
    return Question(Wanted.FIGURES, max(grammar.number_nouns.get(word, 0) for word in words))
