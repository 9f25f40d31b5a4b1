"""Typed turns, replies and their ends: skipped, repeated, failed, silent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.caller_turns import Shell, speaking, thinking
from voicepipe.core.units import SECOND
from voicepipe.speech.policy import State
from voicepipe.speech.turn_rules import MAX_NOTICES, CallerTurn
from voicepipe.speech.turn_table import Action

# ── typing ───────────────────────────────────────────────────────────────────────────────────────


def test_a_typed_turn_is_answered_at_once_and_has_no_speech() -> None:
    assert Shell().types("hello").turns == [CallerTurn("hello", None, None, typed="hello")]


def test_an_empty_line_is_no_turn() -> None:
    assert Shell().types(" \n").done == []


@pytest.mark.parametrize("known", [True, False])
def test_what_is_typed_during_speech_becomes_part_of_the_same_turn(known: bool) -> None:
    shell = Shell().speaks().types("order 4471").after(1000).pauses()
    if known:
        shell.says("where is").after(500)
    else:
        shell.after(500).types("please")
        assert shell.state is State.TRANSCRIBING
        shell.says("where is")
    words = "where is order 4471" + ("" if known else " please")
    assert [turn.text for turn in shell.turns] == [words]


def test_what_is_typed_during_mere_noise_is_answered() -> None:
    shell = Shell().speaks().types("hello").after(300).pauses().says("").after(500)
    assert shell.turns == [CallerTurn("hello", None, None, typed="hello")]


REPLIES: dict[State, Any] = {
    State.PROCESSING: thinking,
    State.WAITING_FOR_TOOL: lambda: thinking().waits_for("find").forget_log(),
    State.SPEAKING: speaking,
    State.DUCKED: lambda: speaking().speaks().after(100).forget_log(),
    State.PAUSED: lambda: speaking().speaks().after(300).forget_log(),
    State.HELD: lambda: thinking().speaks().after(100).forget_log(),
    State.ERROR: lambda: thinking().fails().forget_log(),
}


@pytest.mark.parametrize("state", REPLIES)
def test_a_typed_turn_replaces_whatever_reply_there_is(state: State) -> None:
    shell = REPLIES[state]()
    assert shell.state is state
    shell.types("another question")
    assert shell.done == [Action.INTERRUPT, Action.COMMIT]
    assert (shell.state, shell.turns[-1].text) == (State.PROCESSING, "another question")


def test_a_sound_that_was_there_when_a_line_was_typed_does_not_interrupt_its_reply() -> None:
    """Its words belong to the turn that was taken: an interruption by it would never be answered."""
    shell = speaking().speaks().after(100).types("another question").after(900).plays().after(2000)
    assert shell.state is State.SPEAKING


# ── skip and repeat ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", [State.PROCESSING, State.WAITING_FOR_TOOL, State.SPEAKING, State.ERROR])
def test_skipping_a_reply_ends_it_and_the_caller_has_not_the_word(state: State) -> None:
    shell = REPLIES[state]().skips()
    assert (shell.state, shell.done) == (State.IDLE, [Action.INTERRUPT])


@pytest.mark.parametrize("state", [State.DUCKED, State.PAUSED, State.HELD])
def test_who_skips_while_speaking_is_listened_to(state: State) -> None:
    shell = REPLIES[state]().skips()
    assert (shell.state, shell.done) == (State.LISTENING, [Action.INTERRUPT])


def test_nothing_is_skipped_where_there_is_no_reply() -> None:
    for shell in (Shell(), Shell().speaks(), Shell().speaks().pauses()):
        before = shell.state
        assert shell.skips().done == []
        assert shell.state is before


def test_a_reply_that_is_over_is_repeated_at_once() -> None:
    shell = speaking().ends().forget_log().wants_repeat()
    assert (shell.state, shell.done) == (State.PROCESSING, [Action.REPEAT])


def test_a_reply_that_is_being_spoken_is_repeated_once_when_it_has_ended() -> None:
    shell = speaking().wants_repeat()
    assert shell.state is State.SPEAKING
    shell.forget_log().ends()
    assert shell.done == [Action.FINISH, Action.REPEAT]
    assert shell.plays().forget_log().ends().done == [Action.FINISH]


@pytest.mark.parametrize("end", [Shell.skips, Shell.fails, lambda shell: shell.types("no")])
def test_a_repeat_that_was_wanted_is_forgotten_with_the_reply(end: Any) -> None:
    shell = end(speaking().wants_repeat()).types("another question").plays().forget_log().ends()
    assert shell.done == [Action.FINISH]


def test_nothing_is_repeated_while_the_caller_speaks_or_waits_for_a_reply() -> None:
    for shell in (Shell().speaks(), Shell().speaks().pauses(), thinking()):
        assert shell.wants_repeat().done == []


# ── the reply ────────────────────────────────────────────────────────────────────────────────────


def test_the_greeting_is_a_turn_that_nobody_asked_for() -> None:
    assert Shell().greets().turns == [CallerTurn("", None, None)]


def test_a_reply_is_awaited_then_spoken_then_over() -> None:
    shell = thinking()
    assert shell.plays().state is State.SPEAKING
    assert shell.ends().done == [Action.FINISH]
    assert shell.state is State.IDLE


def test_a_reply_that_runs_dry_is_awaited_again() -> None:
    assert speaking().runs_dry().state is State.PROCESSING
    assert thinking().waits_for("find").plays().runs_dry().state is State.WAITING_FOR_TOOL


def test_a_reply_that_waits_for_a_tool_says_so_until_it_is_heard_or_the_tool_is_done() -> None:
    shell = thinking().waits_for("find")
    assert shell.state is State.WAITING_FOR_TOOL
    assert shell.waits_for().state is State.PROCESSING
    assert shell.waits_for("find").plays().state is State.SPEAKING


def test_a_reply_without_a_sound_is_apologised_for() -> None:
    shell = thinking().ends()
    assert (shell.state, shell.done) == (State.ERROR, [Action.FAIL, Action.APOLOGISE])
    assert shell.plays().ends().state is State.IDLE


def test_a_reply_without_a_sound_that_used_a_tool_is_none_to_apologise_for() -> None:
    assert thinking().waits_for("open_door").waits_for().ends().done == [Action.FINISH]


def test_a_reply_that_fails_is_apologised_for_once() -> None:
    shell = speaking().fails()
    assert (shell.state, shell.done) == (State.ERROR, [Action.FAIL, Action.APOLOGISE])
    shell.forget_log().fails()
    assert (shell.state, shell.done) == (State.IDLE, [Action.FAIL])


def test_to_somebody_who_is_speaking_no_failure_is_told() -> None:
    shell = speaking().speaks().after(100).forget_log().fails()
    assert (shell.state, shell.done) == (State.LISTENING, [Action.FAIL])


def test_an_apology_can_be_interrupted_by_any_speech() -> None:
    shell = thinking().fails().plays().forget_log().speaks()
    assert (shell.state, shell.done) == (State.LISTENING, [Action.INTERRUPT])


# ── dead air ─────────────────────────────────────────────────────────────────────────────────────


def test_a_silent_reply_asks_for_patience_so_often_and_then_apologises() -> None:
    shell = thinking(dead_air=4 * SECOND).until(4000 * (MAX_NOTICES + 1) - 1)
    asked = [at for at, action in shell.log if action is Action.ASK_FOR_PATIENCE]
    assert asked == [4000, 8000, 12_000]
    shell.forget_log().after(1)
    assert shell.done == [Action.NOTE_DEAD_AIR, Action.FAIL, Action.APOLOGISE]
    assert shell.state is State.ERROR
    assert shell.policy.silence.lasted_ns == 4 * SECOND


def test_dead_air_is_counted_from_the_end_of_the_caller_s_speech_and_of_each_sound() -> None:
    shell = Shell(dead_air=4 * SECOND).asks_for("where is it")
    assert shell.policy.deadline == 5 * SECOND
    shell.plays().after(1000).runs_dry()
    assert shell.policy.deadline == shell.now + 4 * SECOND


def test_a_tool_is_waited_for_as_long_as_it_takes() -> None:
    shell = thinking().waits_for("find").after(60_000)
    assert shell.state is State.WAITING_FOR_TOOL
    assert shell.done.count(Action.ASK_FOR_PATIENCE) == 15


def test_words_that_never_come_are_apologised_for() -> None:
    shell = Shell(dead_air=4 * SECOND).speaks().after(1000).pauses()
    assert shell.until(4999).state is State.TRANSCRIBING
    assert shell.after(1).state is State.ERROR
    assert shell.done == [Action.DISCARD, Action.NOTE_DEAD_AIR, Action.FORGET, Action.APOLOGISE]


def test_an_apology_that_nobody_hears_ends_by_itself() -> None:
    shell = thinking().fails().forget_log().after(4000)
    assert (shell.state, shell.done) == (State.IDLE, [Action.NOTE_DEAD_AIR, Action.INTERRUPT])


def test_an_apology_that_lasts_longer_than_dead_air_is_heard_to_its_end() -> None:
    shell = thinking().fails().plays()
    assert shell.after(10_000).state is State.ERROR
    assert shell.ends().state is State.IDLE
