from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.lengths import spoken_letters


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [
        ("a", "apple"),
        ("with", "wish"),  # function words are unstressed
        ("noon", "noon,"),  # the last word before a mark is drawn out
        ("five", "55"),
        ("12", "12:30"),
        ("80", "85"),
        ("100", "120"),
        ("1250", "1250125"),  # too long for a number: digit by digit
        ("5", "$5"),
        ("$5", "$5.99"),
        ("Dr", "Dr."),
        ("fig", "FBI"),
        ("日", "日本"),
    ],
)
def test_what_takes_longer_to_say_is_longer(shorter: str, longer: str) -> None:
    assert 0 < spoken_letters(shorter) < spoken_letters(longer)


@pytest.mark.parametrize(("written", "spoken"), [("Dr.", "doctor"), ("(etc.)", "etcetera")])
def test_an_abbreviation_is_as_long_as_its_words(written: str, spoken: str) -> None:
    assert spoken_letters(written) == spoken_letters(spoken)


def test_the_dots_of_spelled_letters_are_not_spoken() -> None:
    assert spoken_letters("U.S") == spoken_letters("US")


@pytest.mark.parametrize("word", ["", "—", "...", "()", "!"])
def test_what_cannot_be_said_has_no_length(word: str) -> None:
    assert spoken_letters(word) == 0


@given(st.text(max_size=40))
def test_every_word_has_a_length(text: str) -> None:
    for word in text.split():
        assert spoken_letters(word) >= 0
