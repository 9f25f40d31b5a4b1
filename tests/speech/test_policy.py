from __future__ import annotations

from typing import Any

import pytest

from tests.support.caller_turns import (
    MIN_SILENCE,
    REPLYING,
    failed,
    heard,
    policy,
    speaking,
    spoken_turn,
    started,
    state_of,
    stopped,
    transcript,
    typed,
)
from voicepipe.core.frames import (
    UNRECOGNISED,
    PlaybackStarted,
    ProviderBegan,
    Repeat,
    Skip,
    ToolWaiting,
)
from voicepipe.core.units import MS
from voicepipe.speech.policy import TABLE, Action, CallerTurn, Event, State

# ── the table ────────────────────────────────────────────────────────────────────────────────────


def test_there_is_a_cell_for_each_event_in_each_state() -> None:
    assert set(TABLE) == set(Event)
    assert all(set(row) == set(State) for row in TABLE.values())


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_a_reply_is_live_exactly_in_the_states_of_a_reply(event: Event, state: State) -> None:
    cell = TABLE[event][state]
    live = state in REPLYING
    for action in cell.actions:
        if action in (Action.INTERRUPT, Action.FINISH, Action.FAIL):
            assert live
            live = False
        elif action in (Action.COMMIT, Action.REPEAT):
            assert not live, "no turn is begun while a reply is live"
            live = True
    assert live == ((cell.state or state) in REPLYING)


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_the_timer_runs_exactly_while_a_pause_may_be_the_end(event: Event, state: State) -> None:
    cell = TABLE[event][state]
    running = state is State.ENDPOINTING
    for action in cell.actions:
        if action is Action.WAIT:
            running = True
        elif action is Action.STOP_WAITING:
            running = False
    assert running == ((cell.state or state) is State.ENDPOINTING)


def test_every_state_can_be_left_and_reached() -> None:
    moves = {
        (state, cell.state)
        for row in TABLE.values()
        for state, cell in row.items()
        if cell.state not in (None, state)
    }
    assert {source for source, _ in moves} == set(State)
    assert {target for _, target in moves} == set(State)


# ── the end of the caller's turn ─────────────────────────────────────────────────────────────────


def test_a_spoken_turn_ends_min_silence_after_the_last_speech_not_after_the_decision() -> None:
    machine = policy()
    machine.on(started(0))
    assert machine.on(stopped(offset_ns=700 * MS)) == (Action.WAIT,)
    assert (machine.state, machine.deadline) == (State.ENDPOINTING, 700 * MS + MIN_SILENCE)


def test_with_its_words_known_the_turn_is_committed_when_the_silence_is_over() -> None:
    machine = policy()
    machine.on(started(0))
    machine.on(stopped(offset_ns=700 * MS))
    machine.on(transcript(0, " where is my order "))
    assert state_of(machine) is State.ENDPOINTING
    assert machine.on_deadline(1200 * MS) == (Action.STOP_WAITING, Action.COMMIT)
    assert machine.take_turn() == CallerTurn("where is my order", 700 * MS, 1200 * MS)


def test_a_timer_that_rings_early_is_harmless() -> None:
    machine = policy()
    machine.on(started(0))
    machine.on(stopped(offset_ns=700 * MS))
    assert machine.on_deadline(1200 * MS - 1) == ()
    assert state_of(machine) is State.ENDPOINTING


@pytest.mark.parametrize("state", ["idle", "listening", "speaking"])
def test_a_timer_that_rings_after_it_was_called_off_is_harmless(state: str) -> None:
    machine = speaking() if state == "speaking" else policy()
    if state == "listening":
        machine.on(started(0))
    assert machine.state == state
    assert machine.on_deadline(10**12) == ()


def test_speech_during_the_silence_goes_on_with_the_same_turn() -> None:
    machine = policy()
    machine.on(started(0))
    machine.on(stopped(offset_ns=100 * MS))
    machine.on(transcript(0, "my number is"))
    assert machine.on(started(9600)) == (Action.STOP_WAITING,)
    assert machine.deadline is None
    machine.on(stopped(offset_ns=900 * MS))
    machine.on(transcript(9600, "four two"))
    machine.on_deadline(1400 * MS)
    assert machine.take_turn() == CallerTurn("my number is four two", 900 * MS, 1400 * MS)


def test_a_turn_waits_for_the_words_of_all_its_utterances() -> None:
    machine = policy()
    machine.on(started(0))
    machine.on(stopped())
    machine.on(started(9600))
    machine.on(stopped(offset_ns=600 * MS))
    machine.on(transcript(9600, "second"))
    assert machine.on_deadline(1100 * MS) == (Action.STOP_WAITING,)
    assert state_of(machine) is State.TRANSCRIBING
    assert machine.on(transcript(0, "first")) == (Action.COMMIT,)
    assert machine.take_turn() == CallerTurn("first second", 600 * MS, 1100 * MS)


def test_partial_transcripts_decide_nothing() -> None:
    machine = policy()
    machine.on(started(0))
    machine.on(stopped())
    machine.on_deadline(MIN_SILENCE)
    assert machine.on(transcript(0, "where", final=False)) == ()
    assert state_of(machine) is State.TRANSCRIBING


def test_speech_while_the_words_are_still_awaited_goes_on_with_the_turn() -> None:
    machine = policy()
    machine.on(started(0))
    machine.on(stopped())
    machine.on_deadline(MIN_SILENCE)
    machine.on(started(16000))
    assert state_of(machine) is State.LISTENING
    assert machine.on(transcript(0, "late")) == ()
    machine.on(stopped(offset_ns=1500 * MS))
    machine.on(transcript(16000, "words"))
    machine.on_deadline(2000 * MS)
    assert machine.take_turn().text == "late words"


def test_noise_without_words_is_forgotten() -> None:
    machine = policy()
    machine.on(started(0))
    machine.on(stopped())
    machine.on(transcript(0, "  "))
    assert machine.on_deadline(MIN_SILENCE) == (Action.STOP_WAITING, Action.FORGET)
    assert state_of(machine) is State.IDLE


def test_noise_whose_emptiness_is_known_late_is_forgotten() -> None:
    machine = policy()
    machine.on(started(0))
    machine.on(stopped())
    machine.on_deadline(MIN_SILENCE)
    assert machine.on(transcript(0, "")) == (Action.FORGET,)
    assert state_of(machine) is State.IDLE


def test_speech_that_was_not_understood_is_a_turn() -> None:
    assert spoken_turn(policy(), UNRECOGNISED).text == UNRECOGNISED


def test_transcripts_of_a_turn_that_was_closed_are_ignored() -> None:
    machine = policy()
    spoken_turn(machine, "first", position=16000)
    assert machine.on(transcript(16000, "again")) == ()
    assert machine.on(transcript(0, "older")) == ()
    machine.on(started(32000))
    machine.on(stopped())
    machine.on(transcript(32000, "second"))
    machine.on_deadline(MIN_SILENCE)
    assert machine.take_turn().text == "second"


def test_a_transcript_that_overtakes_its_own_onset_is_kept() -> None:
    machine = policy()
    machine.on(transcript(0, "hello"))
    machine.on(started(0))
    machine.on(stopped())
    machine.on_deadline(MIN_SILENCE)
    assert machine.take_turn().text == "hello"


# ── typed turns ──────────────────────────────────────────────────────────────────────────────────


def test_a_typed_turn_is_committed_at_once_and_has_no_speech() -> None:
    machine = policy()
    assert machine.on(typed("hello")) == (Action.COMMIT,)
    assert machine.take_turn() == CallerTurn("hello", None, None)


def test_an_empty_line_is_no_turn() -> None:
    machine = policy()
    assert machine.on(typed(" \n")) == ()
    assert state_of(machine) is State.IDLE


def test_what_is_typed_during_speech_becomes_part_of_the_same_turn() -> None:
    machine = policy()
    machine.on(started(0))
    assert machine.on(typed("order 4471")) == ()
    machine.on(stopped())
    machine.on(transcript(0, "where is"))
    machine.on_deadline(MIN_SILENCE)
    assert machine.take_turn() == CallerTurn("where is order 4471", 0, MIN_SILENCE)


def test_what_is_typed_during_mere_noise_is_answered() -> None:
    machine = policy()
    machine.on(started(0))
    machine.on(typed("hello"))
    machine.on(stopped())
    machine.on(transcript(0, ""))
    assert Action.COMMIT in machine.on_deadline(MIN_SILENCE)
    assert machine.take_turn() == CallerTurn("hello", None, None)


def test_a_typed_turn_replaces_a_reply() -> None:
    machine = speaking()
    assert machine.on(typed("stop, other question")) == (Action.INTERRUPT, Action.COMMIT)
    assert state_of(machine) is State.PROCESSING


# ── the reply ────────────────────────────────────────────────────────────────────────────────────


def test_the_greeting_is_a_turn_that_nobody_asked_for() -> None:
    machine = policy()
    assert machine.greet() == (Action.COMMIT,)
    assert machine.take_turn() == CallerTurn("", None, None)


def test_a_reply_is_awaited_then_spoken_then_over() -> None:
    machine = policy()
    spoken_turn(machine)
    assert state_of(machine) is State.PROCESSING
    machine.on(ProviderBegan(turn=1, stage="llm", at_ns=0))
    machine.on(PlaybackStarted(turn=1, at_ns=0))
    assert state_of(machine) is State.SPEAKING
    assert machine.on(heard(final=False)) == ()
    assert machine.on(heard(final=True)) == (Action.FINISH,)
    assert state_of(machine) is State.IDLE


def test_a_reply_without_a_sound_ends_as_well() -> None:
    machine = policy()
    spoken_turn(machine)
    assert machine.on(heard(final=True)) == (Action.FINISH,)


def test_a_reply_that_waits_for_a_tool_says_so_until_it_is_heard_or_the_tool_is_done() -> None:
    machine = policy()
    spoken_turn(machine)
    machine.on(ToolWaiting(turn=1, on=("find",), at_ns=0))
    assert state_of(machine) is State.WAITING_FOR_TOOL
    machine.on(ToolWaiting(turn=1, on=(), at_ns=0))
    assert state_of(machine) is State.PROCESSING
    machine.on(ToolWaiting(turn=1, on=("find",), at_ns=0))
    machine.on(PlaybackStarted(turn=1, at_ns=0))
    assert state_of(machine) is State.SPEAKING


@pytest.mark.parametrize("reply", ["processing", "waiting_for_tool", "speaking"])
def test_speech_during_a_reply_interrupts_it(reply: str) -> None:
    machine = policy()
    spoken_turn(machine)
    if reply == "waiting_for_tool":
        machine.on(ToolWaiting(turn=1, on=("find",), at_ns=0))
    elif reply == "speaking":
        machine.on(PlaybackStarted(turn=1, at_ns=0))
    assert machine.state == reply
    assert machine.on(started(99999)) == (Action.INTERRUPT,)
    assert state_of(machine) is State.LISTENING


@pytest.mark.parametrize("reply", ["awaited", "waiting for a tool", "spoken"])
def test_skipping_a_reply_ends_it_and_the_caller_has_not_the_word(reply: str) -> None:
    machine = policy()
    spoken_turn(machine)
    if reply == "waiting for a tool":
        machine.on(ToolWaiting(turn=1, on=("find",), at_ns=0))
    elif reply == "spoken":
        machine.on(PlaybackStarted(turn=1, at_ns=0))
    assert machine.on(Skip(turn=1, at_ns=0)) == (Action.INTERRUPT,)
    assert state_of(machine) is State.IDLE


def test_a_reply_that_is_over_is_repeated_at_once() -> None:
    machine = speaking()
    machine.on(heard(final=True))
    assert machine.on(Repeat(at_ns=0)) == (Action.REPEAT,)
    assert state_of(machine) is State.PROCESSING


def test_a_reply_that_is_being_spoken_is_repeated_once_when_it_has_ended() -> None:
    machine = speaking()
    machine.on(Repeat(at_ns=0))
    assert state_of(machine) is State.SPEAKING
    assert machine.on(heard(final=True)) == (Action.FINISH, Action.REPEAT)
    machine.on(PlaybackStarted(turn=2, at_ns=0))
    assert machine.on(heard(final=True)) == (Action.FINISH,)


@pytest.mark.parametrize("end", [Skip(turn=1, at_ns=0), failed(), started(32000), typed("no")])
def test_a_repeat_that_was_wanted_is_forgotten_with_the_reply(end: Any) -> None:
    machine = speaking()
    machine.on(Repeat(at_ns=0))
    machine.on(end)
    spoken_turn(machine, position=32000)
    assert machine.on(heard(final=True)) == (Action.FINISH,)


def test_nothing_is_repeated_while_the_caller_speaks_or_waits_for_a_reply() -> None:
    machine = policy()
    machine.on(started(0))
    assert machine.on(Repeat(at_ns=0)) == ()
    machine.on(stopped())
    assert machine.on(Repeat(at_ns=0)) == ()
    machine.on(transcript(0, "hello"))
    machine.on_deadline(MIN_SILENCE)
    assert machine.on(Repeat(at_ns=0)) == ()
    assert state_of(machine) is State.PROCESSING


def test_a_reply_that_fails_is_over() -> None:
    machine = speaking()
    assert machine.on(failed()) == (Action.FAIL,)
    assert state_of(machine) is State.IDLE
