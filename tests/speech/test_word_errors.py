from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.word_errors import MAX_WORDS, distance, word_errors

WORDS = st.lists(st.sampled_from("abcd"), max_size=12)


def by_the_book(wanted: list[str], found: list[str]) -> int:
    """The definition, as it is written in textbooks."""
    if not wanted or not found:
        return len(wanted) + len(found)
    return min(
        by_the_book(wanted[1:], found) + 1,
        by_the_book(wanted, found[1:]) + 1,
        by_the_book(wanted[1:], found[1:]) + (wanted[0] != found[0]),
    )


@given(st.lists(st.sampled_from("abc"), max_size=5), st.lists(st.sampled_from("abc"), max_size=5))
def test_errors_are_as_few_as_explain_what_was_heard(wanted: list[str], found: list[str]) -> None:
    assert distance(wanted, found) == by_the_book(wanted, found)


@given(WORDS, WORDS, WORDS)
def test_errors_are_a_distance(first: list[str], second: list[str], third: list[str]) -> None:
    assert (distance(first, second) == 0) is (first == second)
    assert distance(first, second) == distance(second, first)
    assert distance(first, third) <= distance(first, second) + distance(second, third)


@pytest.mark.parametrize(
    ("reference", "heard", "errors"),
    [
        ("What time is it?", "what time is it", 0),
        ("I’d like two, PLEASE!", "Id like two please", 0),
        ("a café", "a cafe", 0),
        ("turn on the lights", "turn the light", 2),
        ("turn on", "please turn it on now", 3),
        ("at ten", "at 10", 1),
        ("stop", "", 1),
        ("", "hello there", 2),
    ],
)
def test_case_punctuation_and_accents_are_no_errors_words_are(
    reference: str, heard: str, errors: int
) -> None:
    assert word_errors(reference, heard)[0] == errors


def test_the_words_are_those_of_the_reference() -> None:
    assert word_errors("Mm-hmm, that's right", "yes") == (4, 4)


def test_what_is_far_too_long_is_cut() -> None:
    assert word_errors("a " * (MAX_WORDS + 5), "a " * (MAX_WORDS + 9)) == (0, MAX_WORDS)
