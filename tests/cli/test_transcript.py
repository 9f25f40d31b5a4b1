from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from tests.support.happenings import EXAMPLES
from tests.support.pty import screen
from voicepipe.cli.terminal import Terminal
from voicepipe.cli.transcript import LONGEST_RESULT, LiveTranscript, call_text
from voicepipe.core.frames import UNRECOGNISED, Heard, Segment, Text, Transcript
from voicepipe.core.records import (
    DeadAir,
    Failed,
    ProviderSwitched,
    SpeechIgnored,
    ToolFinished,
    ToolStarted,
    TurnBegan,
    TurnDrafted,
    TurnEnded,
    TurnStatus,
)
from voicepipe.core.units import MS


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


def test_of_a_reply_that_was_cut_off_what_was_heard_stands_below_what_was_said() -> None:
    assert shown(ended("One two three.", "One two", "interrupted")) == [
        "said   One two three.",
        "heard  One two",
    ]
    assert shown(ended("One.", "", "interrupted"))[1] == "heard  nothing"
    assert shown(ended("One two.", "One  two.", "interrupted")) == ["agent  One two."]


def test_a_reply_without_words_has_no_line() -> None:
    assert shown(ended("", "", "interrupted")) == []


def drafted(turn: int = 1) -> TurnDrafted:
    return TurnDrafted(at_ns=0, turn=turn, user="And in")


CALL = ToolStarted(at_ns=0, turn=1, call_id="1", name="f", arguments={})


def test_a_draft_is_shown_when_it_has_become_a_turn() -> None:
    events = (drafted(), Text(turn=1, text="21."), CALL, finished("21"))
    assert shown(*events) == []
    assert shown(*events, began("And in Paris?"), ended("21.", "21.")) == [
        "you    And in Paris?",
        "tool   f()",
        "       → 21",
        "agent  21.",
    ]


def test_a_draft_that_is_discarded_is_never_shown_whatever_is_told_of_it_later() -> None:
    events = (drafted(), CALL, ended("21.", "", "discarded", error="it failed"), finished("cancelled"))
    assert shown(*events, drafted(2)) == []


def test_what_happens_beside_a_draft_is_shown() -> None:
    failed = Failed(at_ns=0, stage="stt", error="it failed")
    assert shown(drafted(), failed) == ["stt    it failed"]


def ignored(text: str, paused_ms: int) -> SpeechIgnored:
    return SpeechIgnored(
        at_ns=0, turn=1, utterance=0, text=text, reason="backchannel", paused_ns=paused_ms * MS
    )


def test_what_is_ignored_is_shown_with_the_pause_that_it_cost() -> None:
    assert shown(ignored("uh-huh", 630)) == ["you    uh-huh (ignored, paused 0.6 s)"]
    assert shown(ignored("right", 0)) == ["you    right (ignored)"]
    assert (
        shown(ignored("", 0)) == shown(ignored(UNRECOGNISED, 0)) == ["you    a sound without words (ignored)"]
    )


def test_the_reply_that_goes_on_stays_on_the_screen() -> None:
    with screen() as seen:
        transcript = LiveTranscript(Terminal(seen.stream))
        for event in (began("hi"), Text(turn=1, text="One two"), ignored("right", 0)):
            transcript(0, event)
        assert seen.lines == ["you    hi", "you    right (ignored)", "agent  One two"]


def test_dead_air_names_the_stage_that_was_waited_for() -> None:
    silent = DeadAir(at_ns=0, turn=1, stage="tool find_slot", silent_ns=4000 * MS)
    assert shown(silent) == ["silent for 4.0 s, waiting for tool find_slot"]


def heard(text: str, samples: int, *, index: int = -1) -> Heard:
    segment = Segment(turn=1, index=index, text=text, rate=1000, in_history=index >= 0, samples=1000)
    return Heard(turn=1, segment=segment, samples=samples, final=False, at_ns=0)


def test_a_notice_is_shown_once_all_of_it_was_heard() -> None:
    told = heard("One moment, please.", 1000)
    assert shown(told, told) == ["notice One moment, please."]
    assert shown(heard("One moment, please.", 400)) == []
    assert shown(heard("It is noon.", 1000, index=0)) == []


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


def test_a_provider_that_takes_over_is_shown_with_the_reason() -> None:
    switched = ProviderSwitched(
        at_ns=0,
        turn=1,
        slot="llm",
        previous="openai/luna",
        provider="groq/scout",
        reason="no answer within 3s",
    )
    assert shown(switched) == ["switch llm: groq/scout instead of openai/luna (no answer within 3s)"]


def test_a_turn_that_is_begun_anew_is_shown_once_and_why() -> None:
    end = TurnEnded(at_ns=0, turn=1, status="discarded", said="It", heard="", error="openai: gone")
    again = replace(began("hi"), turn=2)
    assert shown(began("hi"), end, again) == ["you    hi", "again  openai: gone"]
