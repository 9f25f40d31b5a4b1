from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pty import Screen, screen
from voicepipe.cli.terminal import Terminal, clip, printable, width
from voicepipe.errors import ConfigError


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with screen(columns=40) as made:
        yield made


def test_the_footer_stays_below_all_lines(seen: Screen) -> None:
    terminal = Terminal(seen.stream)
    terminal.footer("● listening")
    terminal.line("you    hello")
    terminal.line("agent  hi")
    assert seen.lines == ["you    hello", "agent  hi", "● listening"]


def test_the_status_stands_above_the_footer_and_is_replaced(seen: Screen) -> None:
    terminal = Terminal(seen.stream)
    terminal.footer("● listening")
    terminal.status("what")
    terminal.status("what time", label="you  ")
    assert seen.lines == ["you  what time", "● listening"]
    terminal.footer("◆ thinking")
    assert seen.lines == ["you  what time", "◆ thinking"]
    terminal.line("you  what time is it?")
    assert seen.lines == ["you  what time is it?", "◆ thinking"]


def test_a_footer_that_is_taken_away_leaves_a_clean_line(seen: Screen) -> None:
    terminal = Terminal(seen.stream)
    terminal.line("hello")
    terminal.footer("● listening")
    terminal.footer()
    terminal.line("bye")
    assert seen.lines == ["hello", "bye", ""]


def test_whoever_writes_after_us_finds_a_clean_line(seen: Screen) -> None:
    terminal = Terminal(seen.stream)
    terminal.line("hello")
    terminal.footer("● listening")
    terminal.status("loading")
    terminal.done()
    seen.stream.write("voicepipe: there is no microphone")
    assert seen.lines[:2] == ["hello", "voicepipe: there is no microphone"]
    assert not any(seen.lines[2:])


def test_a_status_that_is_too_long_shows_its_end_after_its_label(seen: Screen) -> None:
    terminal = Terminal(seen.stream)
    terminal.status("a" * 40 + "the end", label=terminal.style("agent  ", "bold", "green"))
    assert seen.lines == ["agent  …" + "a" * 24 + "the end"]


def test_a_footer_that_is_too_wide_gives_way_to_a_shorter_one_or_is_left_out(seen: Screen) -> None:
    terminal = Terminal(seen.stream)
    terminal.footer("x" * 40, "y" * 39, "z")
    terminal.line("hello")
    assert seen.lines == ["hello", "y" * 39]
    terminal.footer("x" * 40)
    assert seen.lines == ["hello", ""]


def test_an_error_stays_even_when_quiet_and_nothing_else_does(seen: Screen) -> None:
    terminal = Terminal(seen.stream, quiet=True)
    terminal.line("a line")
    terminal.status("a status")
    terminal.footer("a footer")
    terminal.error("an error")
    assert seen.lines == ["an error", ""]


def test_styles_are_left_out_where_they_are_not_wanted(seen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Terminal(seen.stream).style("x", "bold", "red") == "\x1b[1;31mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Terminal(seen.stream).style("x", "bold") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert Terminal(seen.stream).style("x", "bold") == "x"


def test_what_is_not_a_terminal_gets_plain_lines_only() -> None:
    stream = io.StringIO()
    terminal = Terminal(stream)
    terminal.footer("● listening")
    terminal.status("what time")
    terminal.line(terminal.style("you  what time is it?", "bold"))
    terminal.progress("loading")
    terminal.error("gone")
    assert stream.getvalue() == "you  what time is it?\nloading\ngone\n"


def test_a_warning_begins_as_one_and_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().warn("no price\x1b[2J\nfor that")
    Terminal(quiet=True).warn("nobody wants to know")
    assert capsys.readouterr().err == "warning: no price [2J for that\n"


def test_the_hint_of_an_advice_stands_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().advise(ConfigError("no stage has\x1b that", path="a.yaml", line=3, hint="there are: sim"))
    assert capsys.readouterr().err == "warning: a.yaml:3: no stage has  that\n  there are: sim\n"


def test_what_a_model_writes_cannot_drive_the_terminal() -> None:
    assert printable("a\x1b[2Jb\r\nc\x07\ud800\u2028d") == "a [2Jb  c   d"
    assert printable("naïve 👩\u200d🚀 日本") == "naïve 👩\u200d🚀 日本"


def test_width_counts_columns_and_not_styles() -> None:
    assert width("\x1b[1;31mred\x1b[0m") == 3
    assert width("日本") == 4
    assert width("e\u0301") == 1


@given(st.text(), st.integers(1, 30))
def test_what_is_clipped_fits_and_is_the_end(text: str, columns: int) -> None:
    clipped = clip(text, columns)
    assert width(clipped) <= columns or columns == 1
    assert text.endswith(clipped.removeprefix("…"))
    assert (clipped == text) == (width(text) <= columns)
