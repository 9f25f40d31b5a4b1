from __future__ import annotations

from typing import Any

from tests.support.happenings import EXAMPLES, SEGMENT, Story
from voicepipe.compare.told import FULL, MAX_LINES, told
from voicepipe.core.frames import Heard, Transcript
from voicepipe.core.records import ProviderAttempt
from voicepipe.core.units import MS


def kinds(*events: Any) -> list[str]:
    return [line["event"] for line in told([(0, event) for event in events], ())]


def test_a_reader_can_follow_the_call_and_finds_nothing_twice() -> None:
    found = set(kinds(*EXAMPLES))
    assert found >= {
        "SpeechStarted",
        "Transcript",
        "TurnBegan",
        "ToolStarted",
        "ToolFinished",
        "StateChanged",
        "PlaybackStarted",
        "SpeechIgnored",
        "TurnEnded",
        "TurnFailed",
        "Failed",
        "DeadAir",
    }
    assert not found & {"Text", "EndOfText", "Prosody", "ProviderBegan", "Tapped"}


def test_of_words_that_change_only_the_last_are_told() -> None:
    def heard(text: str, final: bool) -> Transcript:
        return Transcript(utterance=0, revision=0, text=text, final=final, at_ns=0)

    lines = told([(0, heard("hel", False)), (MS, heard("hello", True))], ())
    assert [line["text"] for line in lines] == ["hello"]
    early, last = (Heard(turn=1, segment=SEGMENT, samples=9, final=end, at_ns=0) for end in (False, True))
    assert kinds(early, last) == ["Heard"]


def test_of_requests_those_that_failed_are_told() -> None:
    def attempt(status: Any) -> ProviderAttempt:
        return ProviderAttempt(
            at_ns=0, turn=1, slot="llm", provider="x", began_ns=0, first_event_ns=None, status=status
        )

    assert kinds(attempt("ok"), attempt("cancelled")) == []
    assert kinds(attempt("failed")) == ["ProviderAttempt"]


def test_secrets_are_masked() -> None:
    story = Story().begin(10, user="my key is hunter22")
    assert "hunter22" not in str(told(story.events, {"hunter22"}))


def test_a_call_without_an_end_has_a_last_line_that_says_so() -> None:
    story = Story()
    for number in range(MAX_LINES + 10):
        story.typed(number, "again")
    lines = told(story.events, ())
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == {"t_ms": lines[-2]["t_ms"], "event": FULL}
