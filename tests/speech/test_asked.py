from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.asked import Question, Wanted, question_of
from voicepipe.speech.languages.en import GRAMMAR as ENGLISH


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("", Wanted.ANYTHING),
        ("Your order has left the warehouse.", Wanted.ANYTHING),
        ("Hello, how can I help you?", Wanted.ANYTHING),
        ("Which size would you like?", Wanted.THING),
        ("Why do you want to return it?", Wanted.CLAUSE),
        ("Shall I cancel it?", Wanted.YES_OR_NO),
        ("When were you born?", Wanted.DATE_WITH_YEAR),
        ("What is your email address?", Wanted.ADDRESS),
    ],
)
def test_the_last_sentence_tells_what_is_wanted(asked: str, wanted: Wanted) -> None:
    assert question_of(asked, ENGLISH).wanted is wanted


@pytest.mark.parametrize(
    ("asked", "figures", "exact"),
    [
        ("What is your order number?", 4, False),
        ("Could you give me your phone number?", 7, False),
        ("Please tell me your card number.", 13, False),
        ("What are the last four digits of your card?", 4, True),
        ("And the 6 digits?", 6, True),
    ],
)
def test_a_number_has_so_many_figures(asked: str, figures: int, exact: bool) -> None:
    assert question_of(asked, ENGLISH) == Question(Wanted.FIGURES, figures, exact)


def test_a_question_before_the_last_sentence_is_answered_by_then() -> None:
    told = "What is your order number? I can wait."
    assert question_of(told, ENGLISH).wanted is Wanted.ANYTHING


def test_a_number_that_is_told_is_not_asked_for() -> None:
    assert question_of("Your order number is 12345.", ENGLISH).wanted is Wanted.ANYTHING


@given(st.text(max_size=80))
def test_any_words_of_the_agent_are_taken(asked: str) -> None:
    assert question_of(asked, ENGLISH).figures <= 20
