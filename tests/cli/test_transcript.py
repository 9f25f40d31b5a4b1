from __future__ import annotations

import io
from typing import Any

from tests.support.happenings import EXAMPLES
from voicepipe.cli.terminal import Terminal
from voicepipe.cli.transcript import LONGEST_RESULT, LiveTranscript, call_text
from voicepipe.core.frames import Text, Transcript
from voicepipe.core.records import Failed, ToolFinished, ToolStarted, TurnBegan, TurnEnded, TurnStatus


def shown(*events: Any) -> list[str]:
    """The lines that stay of a transcript of ``events``, where there is no terminal."""
    written = io.StringIO()
    transcript = LiveTranscript(Terminal(written))
    for event in events:
        transcript(0, event)
    return written.getvalue().splitlines()


def began(user: str) -> TurnBegan:
    return TurnBegan(at_ns=0, turn=1, user=user, end_of_speech_ns=None, wait_over_ns=None)


def ended(said: str, heard: str, status: TurnStatus = "completed", *, error: str | None = None) -> TurnEnded:
    return TurnEnded(at_ns=0, turn=1, status=status, said=said, heard=heard, error=error)


def finished(result: str) -> ToolFinished:
    return ToolFinished(at_ns=0, turn=1, call_id="1", name="f", result=result, error=False)


def test_a_turn_is_shown_as_a_dialogue() -> None:
    call = ToolStarted(at_ns=0, turn=1, call_id="1", name="get_weather", arguments={"city": "Paris"})
    assert shown(began("And in Paris?"), call, finished('{"celsius":21}'), ended("21.", "21.")) == [
        "you    And in Paris?",
        'tool   get_weather(city="Paris")',
        '       → {"celsius":21}',
        "agent  21.",
    ]


def test_what_is_still_changing_leaves_no_line_where_lines_stay() -> None:
    partial = Transcript(utterance=0, revision=0, text="And in", final=False, at_ns=0)
    assert shown(partial, Text(turn=1, text="It")) == []


def test_a_greeting_has_no_line_of_the_caller() -> None:
    assert shown(began(""), ended("Hello!", "Hello!")) == ["agent  Hello!"]


def test_an_interrupted_reply_is_shown_with_what_was_heard_of_it() -> None:
    assert shown(ended("One two three.", "One two", "interrupted")) == [
        "agent  One two three.",
        "       heard: One two",
    ]
    assert shown(ended("One.", "", "interrupted"))[1] == "       interrupted before anything was heard"


def test_a_long_result_is_cut() -> None:
    (line,) = shown(finished("x" * 10_000))
    assert line == f"       → {'x' * LONGEST_RESULT} …"


def test_an_error_keeps_its_hint_on_a_line_of_its_own() -> None:
    failed = Failed(at_ns=0, stage="stt", error="it failed\n  mend it")
    assert shown(failed) == ["stt    it failed", "  mend it"]


def test_nothing_that_is_said_or_sent_drives_the_terminal() -> None:
    evil = "\x1b[2J\x9b31m\x07\r"
    call = ToolStarted(at_ns=0, turn=1, call_id="1", name=evil, arguments=evil)
    failed = Failed(at_ns=0, stage="stt", error=evil)
    lines = shown(began(evil), call, finished(evil), failed, ended(evil, "", "failed", error=evil))
    assert lines
    assert all(line.isprintable() for line in lines)


def test_no_event_is_too_strange_for_it() -> None:
    assert any(line.startswith("agent  ") for line in shown(*EXAMPLES))


def test_a_tool_call_reads_as_one_in_python() -> None:
    assert call_text("f", {}) == "f()"
    assert call_text("f", {"a": 1, "b": "ü"}) == 'f(a=1, b="ü")'
    assert call_text("f", "not json") == "f(not json)"
