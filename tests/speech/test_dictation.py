from __future__ import annotations

import pytest

from voicepipe.speech.asked import Question, Wanted
from voicepipe.speech.dictation import ALL, ENOUGH, MOST_LIKELY_ALL, SPELLING, TOO_FEW, dictated
from voicepipe.speech.languages.en import GRAMMAR as ENGLISH

NOTHING = Question(Wanted.ANYTHING)
FOUR_AT_LEAST = Question(Wanted.FIGURES, 4)
FOUR = Question(Wanted.FIGURES, 4, exact=True)


def judged(text: str, question: Question = NOTHING) -> float | None:
    return dictated(text.split(), question, ENGLISH)


@pytest.mark.parametrize("text", ["one", "one two", "123", "it's four five", "a b"])
def test_too_few_figures_of_a_number_that_was_asked_for_go_on(text: str) -> None:
    assert judged(text, FOUR_AT_LEAST) == TOO_FEW


def test_each_figure_more_makes_it_likelier_that_it_was_the_last() -> None:
    scores = [judged("7" * count, FOUR_AT_LEAST) for count in range(4, 12)]
    assert scores[0] == ENOUGH
    assert scores == sorted(filter(None, scores))
    assert scores[-1] == MOST_LIKELY_ALL


def test_where_their_number_is_known_the_last_one_ends_it() -> None:
    assert judged("nine nine eight", FOUR) == TOO_FEW
    assert judged("nine nine eight one", FOUR) == ALL
    assert judged("twenty two eighty", FOUR) == ALL


@pytest.mark.parametrize("text", ["i don't have it", "one moment please then 1 2 3 4 is it"])
def test_words_that_are_no_figures_are_for_the_other_rules(text: str) -> None:
    assert judged(text, Question(Wanted.FIGURES, 3)) is None


def test_a_date_of_birth_has_a_year() -> None:
    wanted = Question(Wanted.DATE_WITH_YEAR)
    assert judged("the third of may", wanted) == TOO_FEW
    assert judged("may third eighty two", wanted) == ALL
    assert judged("5 3 1982", wanted) == ALL


def test_an_address_ends_after_its_dot() -> None:
    wanted = Question(Wanted.ADDRESS)
    assert judged("anna at example dot", wanted) == TOO_FEW
    assert judged("anna at example dot com", wanted) == ALL
    assert judged("i don't use any", wanted) is None


def test_a_number_that_nobody_asked_for_is_known_by_its_noun() -> None:
    assert judged("my order number is one two") == TOO_FEW
    assert judged("my order number is one two three four") == ENOUGH


def test_letters_one_by_one_are_being_spelled() -> None:
    assert judged("my name is b e r") == SPELLING
    assert judged("vitamin c") is None


def test_an_amount_is_not_dictated() -> None:
    assert judged("set it to twenty one") is None
