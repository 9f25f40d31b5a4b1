"""Turns that are answered by a model that has heard the caller, whether or not the words are known here."""

from __future__ import annotations

from typing import Any

from tests.support.caller_turns import Shell
from voicepipe.core.units import MS
from voicepipe.speech.policy import State
from voicepipe.speech.turn_rules import LONGEST_COUGH, VERDICT
from voicepipe.speech.waits import Strategy

LONG, SHORT = LONGEST_COUGH // MS + 100, LONGEST_COUGH // MS - 100


def hearing(strategy: Strategy = "silence", **rules: Any) -> Shell:
    return Shell(strategy=strategy, late_words=True, **rules)


def test_a_turn_is_over_with_the_silence_though_its_words_are_missing() -> None:
    shell = hearing().speaks().after(LONG).pauses().until(LONG + 499)
    assert shell.turns == []
    (turn,) = shell.until(LONG + 500).turns
    assert (turn.text, turn.spoken.final) == ("", False)
    assert turn.end_of_speech_ns == LONG * MS
    assert shell.state is State.PROCESSING


def test_of_a_short_sound_the_words_are_waited_for() -> None:
    shell = hearing().speaks().after(SHORT).pauses().until(SHORT + 900)
    assert (shell.state, shell.turns) == (State.TRANSCRIBING, [])
    assert [turn.text for turn in shell.says("yes").turns] == ["yes"]


def test_but_not_for_long() -> None:
    shell = hearing().speaks().after(SHORT).pauses().until(SHORT + VERDICT // MS)
    assert [turn.text for turn in shell.turns] == [""]


def test_a_cough_whose_transcript_is_empty_is_not_answered() -> None:
    shell = hearing().speaks().after(SHORT).pauses().until(SHORT + 700).says("")
    assert (shell.state, shell.turns) == (State.IDLE, [])


def test_words_that_are_known_in_time_are_the_turns() -> None:
    shell = hearing().speaks().after(LONG).pauses().says("where is my order").until(LONG + 500)
    assert [(turn.text, turn.spoken.final) for turn in shell.turns] == [("where is my order", True)]


def test_who_finds_the_end_of_the_turn_need_not_know_its_words() -> None:
    shell = hearing("provider").speaks().after(LONG).says("", final=False, ends_turn=True)
    assert [turn.text for turn in shell.turns] == [""]


def test_the_words_of_a_turn_that_was_taken_are_no_new_turn() -> None:
    shell = hearing().speaks().after(LONG).pauses().until(LONG + 500).says("where is my order")
    assert shell.plays().ends().state is State.IDLE
    assert len(shell.turns) == 1
