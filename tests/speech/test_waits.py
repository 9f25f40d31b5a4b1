from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.units import MS, SECOND
from voicepipe.speech.finished import _grammar
from voicepipe.speech.waits import Patience, Strategy, Waits


def waits(*, strategy: Strategy = "adaptive", patience: Patience = "normal", language: str = "en") -> Waits:
    return Waits(
        strategy=strategy,
        min_silence=300 * MS,
        max_wait=2 * SECOND,
        patience=patience,
        language=language,
    )


@pytest.mark.parametrize("text", ["", "turn on the", "turn on the light"])
def test_silence_waits_the_same_whatever_was_said(text: str) -> None:
    assert waits(strategy="silence").wait_ns(text) == 300 * MS


def test_relaxed_doubles_the_silence() -> None:
    assert waits(strategy="silence", patience="relaxed").wait_ns("") == 600 * MS


@pytest.mark.parametrize("strategy", ["push_to_talk", "provider"])
def test_whoever_else_decides_has_until_max_wait(strategy: Strategy) -> None:
    assert waits(strategy=strategy).wait_ns("turn on the light") == 2 * SECOND


def test_a_finished_sentence_is_answered_after_400_ms_at_most() -> None:
    assert waits().wait_ns("turn on the light") <= 400 * MS


def test_an_unfinished_one_is_waited_for_up_to_max_wait() -> None:
    assert waits().wait_ns("turn on the") == 2 * SECOND


def test_before_there_are_words_a_pause_of_half_a_second_is_not_taken_for_the_end() -> None:
    assert 500 * MS < waits().wait_ns("") < SECOND


def test_relaxed_lengthens_what_is_finished_but_never_goes_beyond_max_wait() -> None:
    relaxed = waits(patience="relaxed")
    assert relaxed.wait_ns("turn on the light") == 2 * waits().wait_ns("turn on the light")
    assert relaxed.wait_ns("turn on the") == 2 * SECOND


def test_max_wait_below_min_silence_counts_as_min_silence() -> None:
    both = Waits(strategy="adaptive", min_silence=800 * MS, max_wait=500 * MS)
    assert both.wait_ns("turn on the") == both.wait_ns("turn on the light") == 800 * MS


def test_one_long_pause_changes_nothing_and_the_third_one_does() -> None:
    slow = waits()
    before = slow.wait_ns("turn on the light")
    slow.note_pause(1200 * MS)
    slow.note_pause(1200 * MS)
    assert slow.wait_ns("turn on the light") == before
    slow.note_pause(1200 * MS)
    assert slow.wait_ns("turn on the light") == 2 * before


def test_a_caller_who_pauses_like_others_changes_nothing() -> None:
    usual = waits()
    for pause in (220, 260, 310, 380, 350, 290) * 5:
        usual.note_pause(pause * MS)
    assert usual.wait_ns("turn on the light") == waits().wait_ns("turn on the light")


def test_gaps_within_words_and_pauses_for_looking_something_up_are_not_the_callers_habit() -> None:
    habit = waits()
    for _ in range(20):
        habit.note_pause(60 * MS)
        habit.note_pause(10 * SECOND)
    assert habit.wait_ns("turn on the light") == waits().wait_ns("turn on the light")


def test_a_habit_is_forgotten_when_the_caller_speaks_fluently_again() -> None:
    caller = waits()
    for _ in range(50):
        caller.note_pause(1500 * MS)
    for _ in range(24):
        caller.note_pause(250 * MS)
    assert caller.wait_ns("turn on the light") == waits().wait_ns("turn on the light")


@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.integers(0, 20 * SECOND), max_size=40))
def test_the_wait_is_always_between_min_silence_and_max_wait(
    text: str, asked: str, pauses: list[int]
) -> None:
    caller = waits()
    for pause in pauses:
        caller.note_pause(pause)
    assert 300 * MS <= caller.wait_ns(text, None, asked) <= 2 * SECOND


def test_the_language_is_read_when_the_call_begins_and_not_in_its_first_turn() -> None:
    _grammar.cache_clear()
    begun = waits(language="de")
    assert _grammar.cache_info().misses == 1
    begun.wait_ns("mach das Licht an")
    assert _grammar.cache_info().misses == 1
