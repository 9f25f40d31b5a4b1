from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.conversations import At, at, evidence
from tests.support.happenings import Story
from voicepipe.config.conversations import ConversationTest
from voicepipe.core.frames import Heard, Segment
from voicepipe.core.records import IgnoredReason, ProviderAttempt
from voicepipe.core.units import MS
from voicepipe.observe.evidence import Evidence
from voicepipe.observe.expectations import includes, judge, percentile

SAID = "It left this morning and it arrives on Friday."


def conversation(*expected: dict[str, Any], totals: dict[str, Any] | None = None) -> ConversationTest:
    """The caller says something; the expectations; speaks into the reply; the expectations once more."""
    say = {"user": {"say": "hi"}}
    into = {"user": {"say": "stop", "while": "agent_speaking", "at": "1s"}}
    steps = [
        say,
        *({"expect": one} for one in expected[:1]),
        into,
        *({"expect": one} for one in expected[1:]),
    ]
    return ConversationTest.model_validate({"name": "x", "steps": steps, "expect": totals or {}})


def interrupted(
    *, heard: str = "It left this", remembered: str = "It left this", until: int = 3200, filler: str = ""
) -> Evidence:
    """A reply of which 1.2 s were heard, and the reply to what the caller said into it at 3000 ms."""
    segment = Segment(turn=1, index=0, text=SAID, rate=24_000)
    story = Story().begin(1000, user="hi", spoken=(500, 1000)).tool(1200).told(1300).audible(2000)
    if filler:
        said = Segment(turn=1, index=1, text=filler, rate=24_000, in_history=False, samples=0)
        story.add(2000, Heard(turn=1, segment=said, samples=0, final=False, at_ns=2000 * MS))
    story.add(3200, Heard(turn=1, segment=segment, samples=28_800, final=False, at_ns=3200 * MS))
    story.end(3200, status="interrupted", said=SAID, heard=heard)
    story.begin(4000, 2, user="stop", spoken=(3500, 4000)).audible(5000, 2)
    story.end(6000, 2, said="All right.", heard="All right.")
    steps = [at(300), At(), at(3000), At()]
    return evidence(
        story, steps=steps, sounds=[(2000, until), (5000, 6000)], remembered={1: remembered, 2: "All right."}
    )


def missed(test: ConversationTest, found: Evidence) -> dict[str, str]:
    return {str(miss.path[-1]): miss.found for miss in judge(test, found)}


MET: list[dict[str, Any]] = [
    {"tool": "FIND".lower(), "args": {"day": " MON "}, "says": "on friday", "heard": "left THIS"},
    {
        "interrupted": True,
        "silent_within": "200ms",
        "heard_only": True,
        "says": "all  right",
        "no_reply": False,
    },
]


def test_what_was_met_is_not_mentioned() -> None:
    assert missed(conversation(*MET), interrupted()) == {}


@pytest.mark.parametrize(
    ("first", "key", "found"),
    [
        ({"tool": "pay"}, "tool", "calls of find"),
        ({"tool": "find", "args": {"day": "tue"}}, "args", '{"day": "mon"}'),
        ({"says": "Monday"}, "says", f"'{SAID}'"),
        ({"heard": "Friday"}, "heard", "'It left this'"),
        ({"no_reply": True}, "no_reply", f"'{SAID}'"),
        ({"state": "speaking"}, "state", "idle"),
        ({"interrupted": True}, "interrupted", "the agent wasn't speaking when the caller began"),
        ({"silent_within": "1s"}, "silent_within", "the agent wasn't speaking when the caller began"),
    ],
)
def test_a_miss_says_what_was_found_of_the_reply(first: dict[str, Any], key: str, found: str) -> None:
    assert missed(conversation(first, {"no_reply": False}), interrupted()) == {key: found}


def test_the_reply_into_which_the_caller_spoke_is_judged_after_that_step() -> None:
    expected = {"interrupted": False, "silent_within": "100ms"}
    assert missed(conversation({"says": "left"}, expected), interrupted()) == {
        "interrupted": "it was interrupted",
        "silent_within": "silence after 200 ms",
    }


def test_a_history_that_holds_more_than_was_heard_is_a_miss() -> None:
    test = conversation({"says": "left"}, {"heard_only": True})
    assert missed(test, interrupted(remembered=SAID)) == {
        "heard_only": f"'{SAID}' in the history, and 'It left this' was heard"
    }


def test_what_was_said_while_a_tool_ran_is_heard_but_needs_no_place_in_the_history() -> None:
    test = conversation({"says": "left"}, {"heard_only": True})
    found = interrupted(heard="Let me look. It left this", filler="Let me look.")
    assert missed(test, found) == {}
    found = interrupted(
        heard="Let me look. It left this", remembered="Let me look. It left this", filler="Let me look."
    )
    assert "in the history" in missed(test, found)["heard_only"]


def test_more_counted_as_heard_than_was_played_is_a_miss() -> None:
    test = conversation({"says": "left"}, {"heard_only": True})
    found = missed(test, interrupted(until=3010))
    assert found == {"heard_only": "1200 ms counted as heard, of 1020 ms that were played"}


def ignored(reason: IgnoredReason = "backchannel", *, said: str = "uh-huh") -> Evidence:
    """A reply that goes on although the caller makes a sound at 3000 ms, which is noticed, and ignored."""
    story = Story().begin(1000, user="hi", spoken=(500, 1000)).audible(2000)
    story.speech(3100, position=48_000)
    story.ignored(8000, position=48_000, text=said, reason=reason, paused_ms=400)
    story.dead_air(8500, "llm").end(9000, said=SAID, heard=SAID)
    return evidence(story, steps=[at(300), At(), at(3000), At()], sounds=[(2000, 9000)])


def after_the_sound(happened: Evidence, expected: dict[str, Any]) -> dict[str, str]:
    return missed(conversation({"says": "left"}, expected), happened)


def test_what_was_ignored_is_what_was_expected() -> None:
    for expected in (True, "backchannel"):
        expectation = {"ignored": expected, "paused_at_most": "400ms", "interrupted": False}
        assert after_the_sound(ignored(), expectation) == {}
    assert after_the_sound(ignored("no_words", said=""), {"ignored": "no_words"}) == {}
    assert after_the_sound(interrupted(), {"ignored": False}) == {}


UH_HUH = "'uh-huh' was ignored (backchannel) and held the reply back for 400 ms"


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"ignored": False}, {"ignored": UH_HUH}),
        ({"ignored": "no_words"}, {"ignored": UH_HUH}),
        ({"paused_at_most": "399ms"}, {"paused_at_most": UH_HUH}),
    ],
)
def test_a_sound_that_was_ignored_otherwise_is_a_miss(
    expected: dict[str, Any], found: dict[str, str]
) -> None:
    assert after_the_sound(ignored(), expected) == found


@pytest.mark.parametrize(
    ("key", "value"), [("ignored", True), ("ignored", "backchannel"), ("paused_at_most", "1s")]
)
def test_a_sound_that_was_not_ignored_is_a_miss_that_says_what_became_of_it(key: str, value: Any) -> None:
    assert after_the_sound(interrupted(), {key: value}) == {key: "it interrupted the reply"}
    listened = Story().speech(3100, position=48_000).begin(4000, user="hi").end(5000)
    happened = evidence(listened, steps=[at(300), At(), at(3000), At()])
    assert after_the_sound(happened, {"no_reply": True, key: value})[key] == "it was listened to"
    silence = evidence(Story(), steps=[at(300), At(), at(3000), At()])
    assert "noticed no sound" in after_the_sound(silence, {"no_reply": True, key: value})[key]


def test_a_sound_without_words_is_told_as_such() -> None:
    found = after_the_sound(ignored("no_words", said=""), {"ignored": False})["ignored"]
    assert found.startswith("a sound without words was ignored (no_words)")


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (True, {}),
        ("llm", {}),
        (False, {"dead_air": "4000 ms of it, waiting for llm"}),
        ("stt", {"dead_air": "4000 ms of it, waiting for llm"}),
    ],
)
def test_dead_air_is_expected_by_the_stage_that_was_waited_for(
    expected: bool | str, found: dict[str, str]
) -> None:
    assert after_the_sound(ignored(), {"dead_air": expected}) == found


def test_dead_air_that_was_not_there_is_a_miss() -> None:
    assert after_the_sound(interrupted(), {"dead_air": True}) == {"dead_air": "there was none"}
    assert after_the_sound(interrupted(), {"dead_air": False}) == {}


def test_what_discarded_drafts_asked_the_model_is_counted_apart() -> None:
    story = Story().draft(100, 1).end(200, 1, status="discarded").draft(300, 2).begin(500, 2, user="hi")
    attempt = {"at_ns": 0, "slot": "llm", "provider": "sim", "began_ns": 0, "first_event_ns": None}
    for turn in (1, 2, None):
        story.add(600, ProviderAttempt(turn=turn, status="ok", **attempt))  # type: ignore[arg-type]
    happened = evidence(story.audible(700, 2).end(900, 2), steps=[at(300)])
    totals = {"llm_calls": 1, "wasted_llm_calls": 1, "discarded_drafts": 1, "turns": 1}
    test = {"name": "x", "steps": [{"user": {"say": "hi"}}], "expect": totals}
    assert missed(ConversationTest.model_validate(test), happened) == {}
    test["expect"] = dict.fromkeys(totals, 7)
    assert missed(ConversationTest.model_validate(test), happened) == dict.fromkeys(totals, "1")


def test_ignored_sounds_and_dead_air_are_counted() -> None:
    test = conversation({"says": "left"}, totals={"ignored": 1, "dead_air": "<= 1"})
    assert missed(test, ignored()) == {}
    test = conversation({"says": "left"}, totals={"ignored": 0, "dead_air": 0})
    assert missed(test, ignored()) == {"ignored": "1", "dead_air": "1"}


def test_nothing_is_judged_after_a_step_that_could_not_be_done() -> None:
    found = interrupted()
    found.steps[2].missed = "its reply lasted 400 ms"
    test = conversation({"says": "left"}, {"says": "nonsense"})
    assert missed(test, found) == {"2": "its reply lasted 400 ms"}


def test_a_step_that_was_not_reached_is_a_miss() -> None:
    found = interrupted()
    found.steps[2].began_ns = None
    assert missed(conversation({"says": "left"}), found) == {"2": "the call had ended"}


TOTALS = [
    ({"turns": 2, "tool_calls": 1, "llm_calls": 1, "unanswered": 0}, {}),
    ({"turns": "< 2"}, {"turns": "2"}),
    ({"tool_calls": 0}, {"tool_calls": "1"}),
    ({"llm_calls": "> 1"}, {"llm_calls": "1"}),
    ({"voice_to_voice": {"p50": "<= 1500ms", "p99": "<= 1500ms"}}, {}),
    ({"voice_to_voice": {"p50": "< 1.5s"}}, {"p50": "1500 ms"}),
]


@pytest.mark.parametrize(("totals", "found"), TOTALS)
def test_the_whole_conversation_is_counted(totals: dict[str, Any], found: dict[str, str]) -> None:
    happened = interrupted()
    attempt = {
        "at_ns": 0,
        "turn": 1,
        "provider": "sim",
        "began_ns": 0,
        "first_event_ns": None,
        "status": "ok",
    }
    happened.events = [
        *happened.events,
        *((0, ProviderAttempt(slot=slot, **attempt)) for slot in ("llm", "llm/second", "tts")),  # type: ignore[arg-type]
    ]
    assert missed(conversation({"says": "left"}, totals=totals), happened) == found


def test_every_turn_is_to_be_answered_unless_it_is_said_otherwise() -> None:
    story = Story().begin(1000, user="hi").end(2000, status="failed", error="no model")
    happened = evidence(story, steps=[at(300)])
    say = {"name": "x", "steps": [{"user": {"say": "hi"}}]}
    assert missed(ConversationTest.model_validate(say), happened) == {"unanswered": "1"}
    assert missed(ConversationTest.model_validate({**say, "expect": {"unanswered": 1}}), happened) == {}


def test_a_latency_that_nothing_was_measured_of_is_a_miss() -> None:
    test = {"name": "x", "steps": [{"wait": "1s"}], "expect": {"voice_to_voice": {"p50": "< 1s"}}}
    happened = evidence(Story(), steps=[at(300)])
    assert missed(ConversationTest.model_validate(test), happened) == {"p50": "no spoken turn was answered"}


@pytest.mark.parametrize(
    ("found", "wanted", "included"),
    [
        ({"a": 1, "b": 2}, {"a": 1.0}, True),
        ({"a": {"b": "X ", "c": 1}}, {"a": {"b": "x"}}, True),
        ({"a": [1, "B"]}, {"a": [1, "b"]}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({}, {"a": 1}, False),
        ("not an object", {"a": 1}, False),
    ],
)
def test_arguments_may_be_more_than_what_is_expected(found: Any, wanted: Any, included: bool) -> None:
    assert includes(found, wanted) is included


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_everything_includes_itself(value: Any) -> None:
    assert includes(value, value)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=40), st.sampled_from([50, 90, 95, 99]))
def test_a_percentile_is_exceeded_by_no_more_than_its_share(values: list[int], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value > found for value in values) * 100 <= len(values) * (100 - percent)
