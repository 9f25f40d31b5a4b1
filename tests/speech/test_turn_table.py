from __future__ import annotations

import pytest

from docs.diagrams import policy_diagram, policy_table
from voicepipe.speech.turn_table import (
    AUDIBLE,
    IGNORE,
    INTRUDED,
    REPLYING,
    TABLE,
    THINKING,
    Action,
    Event,
    State,
)

LIVE = {*REPLYING, State.ERROR}
"""The states in which a turn is live."""

EACH_CELL = pytest.mark.parametrize(
    ("event", "state"), [(event, state) for event in Event for state in State]
)


def test_there_is_a_cell_for_each_event_in_each_state() -> None:
    assert set(TABLE) == set(Event)
    assert all(set(row) == set(State) for row in TABLE.values())


@EACH_CELL
def test_a_turn_is_live_exactly_in_the_states_of_a_reply(event: Event, state: State) -> None:
    cell = TABLE[event][state]
    live = state in LIVE
    for action in cell.actions:
        if action in (Action.INTERRUPT, Action.FINISH, Action.FAIL):
            assert live, f"{action} ends a turn, but none is live"
            live = False
        elif action in (Action.COMMIT, Action.REPEAT, Action.APOLOGISE, Action.SAY_RECONNECTED):
            assert not live, f"{action} begins a turn while another one is live"
            live = True
    assert live == ((cell.state or state) in LIVE)


@EACH_CELL
def test_only_a_live_reply_is_ducked_paused_or_resumed(event: Event, state: State) -> None:
    cell = TABLE[event][state]
    of_a_reply = {Action.DUCK, Action.PAUSE, Action.RESUME, Action.ASK_FOR_PATIENCE, Action.REPEAT_LATER}
    if of_a_reply & set(cell.actions):
        assert state in REPLYING
        assert (cell.state or state) in REPLYING


@EACH_CELL
def test_nothing_is_drafted_while_a_reply_is_live(event: Event, state: State) -> None:
    """An "uh-huh" would destroy the answer that should come back."""
    if Action.DRAFT in TABLE[event][state].actions:
        assert state not in LIVE


@EACH_CELL
def test_a_draft_does_not_outlive_the_pause_it_was_made_in(event: Event, state: State) -> None:
    pause = (State.ENDPOINTING, State.TRANSCRIBING)
    cell = TABLE[event][state]
    if state in pause and (cell.state or state) not in pause:
        assert {Action.DISCARD, Action.COMMIT} & set(cell.actions)


@EACH_CELL
def test_a_held_reply_is_paused_and_comes_back_or_dies(event: Event, state: State) -> None:
    held = (State.PAUSED, State.HELD)
    cell = TABLE[event][state]
    after = cell.state or state
    if state not in held and after in held:
        assert Action.PAUSE in cell.actions
    if state in held and after in REPLYING and after not in held:
        ends = {Action.INTERRUPT, Action.FINISH, Action.FAIL}
        assert {Action.RESUME, *ends} & set(cell.actions)


def test_every_state_can_be_left_and_reached() -> None:
    moves = {
        (state, cell.state)
        for row in TABLE.values()
        for state, cell in row.items()
        if cell.state not in (None, state)
    }
    assert {source for source, _ in moves} == set(State)
    assert {target for _, target in moves} == set(State)


def test_every_action_is_wanted_somewhere() -> None:
    assert {action for row in TABLE.values() for cell in row.values() for action in cell.actions} == set(
        Action
    )


def test_the_kinds_of_states_do_not_contradict_each_other() -> None:
    assert set(REPLYING) == {*THINKING, *AUDIBLE, State.HELD}
    assert not set(THINKING) & set(AUDIBLE)
    assert set(INTRUDED) <= set(REPLYING)


# ── the docs ─────────────────────────────────────────────────────────────────────────────────────


def test_the_diagram_in_the_docs_has_an_arrow_for_each_move_and_no_other() -> None:
    arrows = {
        tuple(part.strip() for part in line.partition(" : ")[0].split("-->"))
        for line in policy_diagram().splitlines()
        if "-->" in line and "[*]" not in line
    }
    assert arrows == {
        (str(state), str(cell.state))
        for row in TABLE.values()
        for state, cell in row.items()
        if cell.state is not None
    }


def test_the_table_in_the_docs_names_the_actions_of_each_cell() -> None:
    _, _, *rows = policy_table().strip().splitlines()
    for (event, row), line in zip(TABLE.items(), rows, strict=True):
        _, name, *cells, _ = (part.strip() for part in line.split("|"))
        assert name == f"**{event}**"
        for cell, text in zip(row.values(), cells, strict=True):
            assert (text == "·") == (cell == IGNORE)
            assert all(action in text for action in cell.actions)
