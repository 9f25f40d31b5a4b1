from __future__ import annotations

import io

import pytest

from tests.support.pty import screen
from voicepipe.cli.indicator import CELLS, indicator
from voicepipe.cli.terminal import Terminal, width
from voicepipe.speech.policy import State


class Utf8(io.StringIO):
    encoding = "utf-8"


def shown(
    state: State = State.IDLE,
    level: float = -96.0,
    *,
    muted: bool = False,
    push_to_talk: bool = False,
    keys: bool = False,
    stream: io.StringIO | None = None,
) -> str:
    terminal = Terminal(stream or Utf8())
    return indicator(terminal, state, level, muted=muted, push_to_talk=push_to_talk, keys=keys)


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_word_for_people(state: State) -> None:
    assert any(word in shown(state) for word in ("listening", "thinking", "working", "speaking"))


def test_who_is_not_heard_is_told_so() -> None:
    assert shown(State.LISTENING, muted=True).startswith("○ muted")
    assert shown(State.SPEAKING, muted=True).startswith("▶ speaking")
    assert all("mic off" in shown(state, muted=True) for state in State)


@pytest.mark.parametrize(
    ("level", "cells"), [(-96.0, 0), (-60.0, 0), (-36.0, CELLS // 2), (-12.0, CELLS), (0.0, CELLS)]
)
def test_the_meter_goes_from_a_quiet_room_to_speech_close_by(level: float, cells: int) -> None:
    assert shown(level=level).count("▮") == cells
    assert shown(level=level).count("▯") == CELLS - cells


def test_the_keys_say_what_they_would_do_now() -> None:
    assert shown(keys=True).endswith("m mute  r repeat  s skip  q quit")
    assert shown(keys=True, muted=True).endswith("m unmute  r repeat  s skip  q quit")


def test_with_push_to_talk_the_space_bar_takes_the_place_of_muting() -> None:
    closed = shown(keys=True, push_to_talk=True, muted=True)
    assert closed.startswith("○ muted")
    assert closed.endswith("mic off   space talk  r repeat  s skip  q quit")
    assert shown(keys=True, push_to_talk=True).endswith("  space done  r repeat  s skip  q quit")


def test_the_line_fits_into_the_narrowest_common_terminal() -> None:
    with screen() as terminal:
        styled = Terminal(terminal.stream)
        for state in State:
            line = indicator(styled, state, -12.0, muted=True, push_to_talk=True, keys=True)
            assert width(line) < 80


def test_terminals_without_unicode_get_other_marks() -> None:
    line = shown(level=-36.0, stream=io.StringIO())
    assert line.isascii()
    assert "####...." in line
