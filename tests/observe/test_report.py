from __future__ import annotations

import json

import pytest

from tests.support.happenings import EXAMPLES, Story
from voicepipe.core.masking import MASK
from voicepipe.core.records import Failed, TurnStatus
from voicepipe.observe.report import CallReport

NOTHING = dict.fromkeys(["endpoint", "stt", "llm_first_token", "tts_first_audio", "voice_to_voice"])


def report(story: Story, secrets: tuple[str, ...] = ()) -> CallReport:
    made = CallReport(session="s1", clock="simulated", secrets=secrets)
    story.play(made)
    return made


def unanswered(story: Story) -> list[int]:
    return [turn.turn for turn in report(story).unanswered]


def test_a_call_is_summed_up_as_the_command_line_prints_it() -> None:
    story = Story().speech(400).begin(1600, user="a slot on monday?", spoken=(1000, 1500))
    story.provider(1800, "llm").tool(1800).told(1900, '{"slot":"10:30"}').provider(2000, "llm")
    story.provider(2100, "tts").audible(2100).end(4000, said="Half past ten.", heard="Half past")
    assert report(story).to_dict() == {
        "session": "s1",
        "clock": "simulated",
        "turns": [
            {
                "user": "a slot on monday?",
                "agent": "Half past ten.",
                "heard": "Half past",
                "tool_calls": [{"name": "find", "arguments": {"day": "mon"}, "result": {"slot": "10:30"}}],
                "latency_ms": {
                    "endpoint": 500,
                    "stt": 100,
                    "llm_first_token": 200,
                    "tts_first_audio": 100,
                    "voice_to_voice": 1100,
                },
            }
        ],
        "cost_usd": None,
    }


def test_what_is_not_known_yet_is_null() -> None:
    (turn,) = report(Story().begin(0).tool(10)).to_dict()["turns"]
    assert turn == {
        "user": "hello",
        "agent": None,
        "heard": None,
        "tool_calls": [{"name": "find", "arguments": {"day": "mon"}, "result": None}],
        "latency_ms": NOTHING,
    }


def test_a_call_in_which_nothing_happened_has_no_turns() -> None:
    empty = report(Story())
    assert empty.to_dict() == {"session": "s1", "clock": "simulated", "turns": [], "cost_usd": None}
    assert not empty.heard_speech
    assert empty.unanswered == []
    assert empty.failures == []


@pytest.mark.parametrize(
    ("result", "shown"),
    [('{"a":1}', {"a": 1}), ("[1]", [1]), ("done", "done"), ("5", "5"), ("{not json", "{not json")],
)
def test_a_result_that_is_an_object_or_an_array_is_parsed(result: str, shown: object) -> None:
    (turn,) = report(Story().begin(0).tool(1).told(2, result)).to_dict()["turns"]
    assert turn["tool_calls"][0]["result"] == shown


def test_results_find_their_calls_also_after_the_turn_and_with_ids_used_twice() -> None:
    story = Story().begin(0).tool(1, id="a").tool(1, id="a").tool(1, id="b")
    story.told(2, "first", id="a").end(3, status="interrupted").told(4, "late", id="b").told(
        5, "second", id="a"
    )
    (turn,) = report(story).turns
    assert [call.result for call in turn.tool_calls] == ["first", "second", "late"]


# ── answered or not ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["completed", "interrupted"])
def test_a_turn_whose_reply_was_audible_is_answered(status: TurnStatus) -> None:
    assert unanswered(Story().begin(0).audible(100).end(200, status=status)) == []


def test_a_turn_that_came_to_its_end_in_silence_is_not_answered() -> None:
    assert unanswered(Story().begin(0).end(200)) == [1]


def test_a_turn_that_failed_is_not_answered_even_if_it_had_begun_to_speak() -> None:
    assert unanswered(Story().begin(0).audible(100).end(200, status="failed")) == [1]


def test_a_turn_that_is_still_open_is_not_answered_yet() -> None:
    assert unanswered(Story().begin(0).audible(100)) == [1]


@pytest.mark.parametrize("cut_in", [Story.speech, lambda story, at_ms: story.typed(at_ms, "wait")])
def test_a_caller_who_cuts_in_before_the_first_sound_wants_no_answer(cut_in: object) -> None:
    assert callable(cut_in)
    assert unanswered(cut_in(Story().begin(0), 100).end(101, status="interrupted")) == []


def test_a_call_that_ends_before_the_first_sound_leaves_its_turn_unanswered() -> None:
    assert unanswered(Story().speech(-500).begin(0).end(101, status="interrupted").speech(200)) == [1]


def test_hanging_up_without_a_word_answers_a_turn_if_it_worked() -> None:
    assert unanswered(Story().begin(0).tool(1, "end_call").told(2, name="end_call").end(3)) == []
    failed = Story().begin(0).tool(1, "end_call").told(2, name="end_call", error=True).end(3)
    assert unanswered(failed) == [1]
    assert unanswered(Story().begin(0).tool(1, "move").told(2, name="move").end(3)) == [1]


def test_each_turn_is_judged_by_itself() -> None:
    story = Story().begin(0).audible(10).end(20).begin(30, turn=2).end(40, turn=2)
    assert unanswered(story.begin(50, turn=3).audible(60, turn=3).end(70, turn=3)) == [2]


# ── what went wrong ──────────────────────────────────────────────────────────────────────────────


def test_failures_are_told_in_their_order() -> None:
    story = Story().add(5, Failed(at_ns=0, stage="stt", error="the model has gone"))
    story.begin(10).end(20, status="failed", error="openai: no answer within 10s")
    story.begin(30, turn=2).end(40, turn=2, status="failed")
    assert report(story).failures == [
        "stt: the model has gone",
        "openai: no answer within 10s",
        "turn 2 failed",
    ]


def test_speech_is_heard_by_the_vad_and_not_by_the_keyboard() -> None:
    assert report(Story().speech(10)).heard_speech
    assert not report(Story().typed(10, "hello")).heard_speech


def test_secrets_are_masked_in_what_is_printed() -> None:
    story = Story().begin(0, user="my key is sk-1234").tool(1).told(2, '{"key":"sk-1234"}')
    made = report(story.end(3, status="failed", error="sk-1234 was refused"), secrets=("sk-1234",))
    assert "sk-1234" not in json.dumps(made.to_dict())
    assert made.failures == [f"{MASK} was refused"]


def test_every_event_may_come_at_any_time() -> None:
    made = CallReport(session="s1", clock="real")
    for event in (*EXAMPLES, *reversed(EXAMPLES)):
        made(0, event)
    json.dumps(made.to_dict(), allow_nan=False)
