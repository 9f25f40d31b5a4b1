from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.test_redact import VISA, luhn_numbers
from tests.support.happenings import AT, EXAMPLES, Story
from voicepipe.config.record import RecordConfig
from voicepipe.core.frames import EndOfText, Heard, Segment, Text, Transcript, TurnFailed, TypedText, Word
from voicepipe.core.records import (
    BudgetAlert,
    Tapped,
    ToolFinished,
    ToolStarted,
    TurnBegan,
    TurnDrafted,
    TurnEnded,
    TurnReworded,
)
from voicepipe.errors import ToolError
from voicepipe.observe.door import Door, redacted
from voicepipe.observe.events import event_to_dict
from voicepipe.observe.redact import Redactor


class Behind:
    """What comes through a door, and the real events of which something was masked."""

    def __init__(self) -> None:
        door = Door.of(RecordConfig(redact=("card", "phone", "email", "iban")), "en-US")
        assert door is not None
        self.door = door
        self.events: list[Any] = []
        self.hidden: list[Any] = []
        door.observe(lambda at_ns, event: self.events.append(event))
        door.watch(self.hidden.append)

    def __call__(self, *events: Any) -> list[Any]:
        """What comes through because of ``events``."""
        before = len(self.events)
        for event in events:
            self.door(AT, event)
        return self.events[before:]

    def words(self, *events: Any) -> list[str]:
        """Likewise; only the caller's words, or the agent's."""
        return [getattr(event, "user", None) or getattr(event, "text", "") for event in self(*events)]


def transcript(text: str, utterance: int = 0, *, final: bool = True) -> Transcript:
    words = (Word(text=text, start_ms=0, end_ms=1),)
    return Transcript(utterance=utterance, revision=0, text=text, final=final, at_ns=AT, words=words)


def begun(turn: int, user: str) -> TurnBegan:
    return TurnBegan(at_ns=AT, turn=turn, user=user, end_of_speech_ns=None, wait_over_ns=None)


def ended(said: str, heard: str) -> TurnEnded:
    return TurnEnded(at_ns=AT, turn=1, status="interrupted", said=said, heard=heard)


def chunk(text: str, index: int = 0, samples: int = 100) -> Heard:
    segment = Segment(turn=1, index=index, text=text, rate=1000, samples=100)
    return Heard(turn=1, segment=segment, samples=samples, final=False, at_ns=AT)


def heard_words(event: Any) -> str:
    return str(event_to_dict(AT, event)["text"])


def test_a_pipeline_that_masks_nothing_has_no_door() -> None:
    assert Door.of(RecordConfig(), "en-US") is None


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_what_holds_nothing_private_comes_through_as_it_is(event: Any) -> None:
    behind = Behind()
    after: Any = EndOfText(turn=1)
    if isinstance(event, Tapped):
        after = replace(event, frame=after)
    passed = behind(event, after)
    assert event_to_dict(AT, passed[0]) == event_to_dict(AT, event)
    assert behind.hidden == []


def test_a_reply_comes_in_one_piece_when_it_is_complete() -> None:
    behind = Behind()
    pieces = [Text(turn=1, text=text) for text in ("Your card 41", "11 1111 11", "11 1111, right", "?")]
    assert behind(*pieces) == []
    text, end = behind(EndOfText(turn=1))
    assert (text.text, type(end)) == ("Your card [card], right?", EndOfText)
    assert behind.hidden == [pieces[0]]


def test_a_reply_that_is_cut_off_comes_before_its_end() -> None:
    behind = Behind()
    behind(Text(turn=1, text="Your card "), Text(turn=2, text="A draft"))
    text, end = behind(ended("Your card", "Your"))
    assert (text.turn, text.text, end.said) == (1, "Your card ", "Your card")


def test_a_filler_is_a_text_of_its_own() -> None:
    behind = Behind()
    behind(Text(turn=1, text="Let me look.", in_history=False))
    assert behind.words(Text(turn=1, text="It is ten.")) == ["Let me look."]
    assert behind.words(EndOfText(turn=1)) == ["It is ten.", ""]


def test_transcripts_that_are_not_final_are_left_out() -> None:
    behind = Behind()
    assert behind(transcript("my card is 4111 1111 1111", final=False)) == []
    real = transcript(f"my card is {VISA} ok")
    (final,) = behind(real)
    assert (final.text, final.words) == ("my card is [card] ok", ())
    assert behind.hidden == [real]


def test_a_number_in_pieces_is_masked_over_utterances_and_turns() -> None:
    behind = Behind()
    pieces = ["my card is 4111", "1111", "1111, uh", "1111 thanks"]
    assert behind.words(*(transcript(text, at) for at, text in enumerate(pieces))) == [
        "my card is 4111",
        "[card]",
        "[card], uh",
        "[card] thanks",
    ]
    assert behind.words(*(begun(at, text) for at, text in enumerate(pieces, 1))) == [
        "my card is 4111",
        "[card]",
        "[card], uh",
        "[card] thanks",
    ]


def test_a_draft_and_words_that_come_late_are_the_same_turn() -> None:
    behind = Behind()
    behind(begun(1, "it is 4111"))
    draft = TurnDrafted(at_ns=AT, turn=2, user="1111")
    late = TurnReworded(at_ns=AT, turn=2, user="1111 ok")
    assert behind.words(draft, replace(draft, turn=3), begun(3, "1111"), replace(late, turn=3)) == [
        "[card]",
        "[card]",
        "[card]",
        "[card] ok",
    ]
    assert behind.words(begun(4, "and ten")) == ["and ten"]


def test_what_was_heard_of_a_reply_in_pieces_does_not_tell_what_was_masked_in_the_whole() -> None:
    behind = Behind()
    said = f"Your card {VISA}, right?"
    behind(Text(turn=1, text=said))
    passed = behind(chunk("Your card 4111 1111", 0), chunk("1111 1111, right?", 1), chunk("1111 1111", 1, 50))
    assert [heard_words(event) for event in passed] == ["Your card [phone]", "[phone], right?", "[digits]"]
    assert [event.samples for event in passed] == [100, 100, 50]
    (end,) = behind(EndOfText(turn=1), ended(said, "Your card 4111 1111"))[2:]
    assert (end.said, end.heard) == ("Your card [card], right?", "Your card [phone]")


def test_a_number_that_is_still_being_written_is_masked_in_what_is_heard() -> None:
    behind = Behind()
    behind(Text(turn=1, text="Your card is 4111"))
    assert [heard_words(event) for event in behind(chunk("Your card is 4111"))] == ["Your card is [digits]"]
    behind(Text(turn=1, text=" I think."), EndOfText(turn=1))
    assert [heard_words(event) for event in behind(chunk("Your card is 4111"))] == ["Your card is 4111"]


def test_tools_errors_and_taps_are_masked_and_names_are_not() -> None:
    behind = Behind()
    tool = ToolStarted(at_ns=AT, turn=1, call_id=VISA, name="pay", arguments={"card": VISA, "n": 1})
    failed = TurnFailed(turn=1, stage="llm", error=ToolError(f"no card {VISA}"), at_ns=AT)
    typed = Tapped(at_ns=AT, slot="stt/b", frame=transcript(VISA))
    passed = behind(tool, failed, typed, Tapped(at_ns=AT, slot="stt/b", frame=transcript("41", final=False)))
    assert (passed[0].arguments, passed[0].call_id) == ({"card": "[card]", "n": 1}, VISA)
    assert passed[1].error == "no card [card]"
    assert passed[2].frame.text == "[card]"
    assert len(passed) == 3
    assert behind(TypedText(text=f"pay {VISA}", at_ns=AT))[0].text == "pay [card]"


def test_a_card_that_a_tool_takes_in_two_fields_is_in_nothing_that_comes_through() -> None:
    behind = Behind()
    halves = {"first": "4111 1111", "last": "1111 1111"}
    started = ToolStarted(at_ns=AT, turn=1, call_id="c", name="pay", arguments=halves)
    finished = ToolFinished(
        at_ns=AT, turn=1, call_id="c", name="pay", error=False, result=json.dumps({"paid": halves})
    )
    passed = behind(started, finished)
    assert passed[0].arguments == {"first": "[card]", "last": "[card]"}
    assert json.loads(passed[1].result) == {"paid": {"first": "[card]", "last": "[card]"}}


def test_whose_budget_it_is_is_masked_and_its_day_is_not() -> None:
    alert = BudgetAlert(at_ns=AT, budget="user +1 555 123 4567, day 2026-11-23", spent_usd=4.0, limit_usd=5.0)
    shared = replace(alert, budget="day 2026-11-23")
    assert [event.budget for event in Behind()(alert, shared)] == [
        "user [phone], day 2026-11-23",
        "day 2026-11-23",
    ]


def test_a_tapped_reply_comes_in_one_piece_as_well() -> None:
    behind = Behind()
    pieces = [
        Tapped(at_ns=AT, slot="llm/b", frame=Text(turn=1, text=text)) for text in ("4111 1111", " 1111 1111")
    ]
    assert behind(*pieces) == []
    passed = behind(Tapped(at_ns=AT, slot="llm/b", frame=EndOfText(turn=1)))
    assert [getattr(one.frame, "text", None) for one in passed] == ["[card]", None]
    behind(Tapped(at_ns=AT, slot="llm/b", frame=Text(turn=2, text="4111 1111 1111 1111")))
    assert [one.frame.text for one in behind(replace(ended("", ""), turn=2))[:1]] == ["[card]"]


def test_what_is_kept_of_replies_is_bounded() -> None:
    behind = Behind()
    for turn in range(1000):
        behind(Text(turn=turn, text="x"))
    behind(*(Text(turn=5000, text="x" * 1000) for _ in range(1000)))
    assert len(behind.door._replies) <= 16
    assert len(behind.words(EndOfText(turn=5000))[0]) < 30_000


PIECES = st.lists(st.integers(1, 6), min_size=3, max_size=8)


@given(PIECES, st.sampled_from(["4111111111111111", "378282246310005", "30569309025904"]))
def test_a_card_number_is_never_in_what_comes_through_however_it_is_cut(sizes: list[int], card: str) -> None:
    parts, at = [], 0
    while at < len(card):
        size = sizes[len(parts) % len(sizes)]
        parts.append(card[at : at + size])
        at += size
    behind = Behind()
    for number, part in enumerate(parts, 1):
        behind(transcript(part, number), TurnDrafted(at_ns=AT, turn=number, user=part), begun(number, part))
        behind(Text(turn=99, text=part), replace(chunk(part, number), turn=99))
    behind(EndOfText(turn=99), replace(ended(card, card[:-2]), turn=99))
    lines = [event_to_dict(AT, event) for event in behind.events]
    assert luhn_numbers(json.dumps(lines)) == []
    for kind, key in (("Transcript", "text"), ("TurnBegan", "user"), ("Heard", "text")):
        told = "".join(line[key] for line in lines if line["event"] == kind)
        assert sum(letter.isdecimal() for letter in told) < 8, f"{kind} tells {told}"


def test_a_door_may_be_made_for_any_redactor() -> None:
    door, seen = Door(Redactor(["digits"])), []
    door.observe(lambda at_ns, event: seen.append(event))
    Story().typed(1, "pin 1234").play(door)
    assert [event.text for event in seen] == ["pin [digits]"]


def test_a_whole_call_can_be_passed_through_afterwards() -> None:
    events = [(1, Text(turn=1, text=VISA)), (2, EndOfText(turn=1))]
    assert redacted(events, RecordConfig(), "en") == events
    (at_ns, text), last = redacted(events, RecordConfig(redact=("card",)), "en")
    assert (at_ns, text.text, last) == (2, "[card]", events[1])
