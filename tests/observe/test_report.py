from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path
from typing import Any

import pytest

from tests.support.happenings import EXAMPLES, Story
from voicepipe.core.frames import Segment, Talk
from voicepipe.core.masking import MASK
from voicepipe.core.records import Failed, ProviderSwitched, TurnStatus, UsageUnit
from voicepipe.observe.report import MAX_NOTED, CallReport
from voicepipe.observe.timeline import LATENCIES
from voicepipe.observe.turn_report import TurnReport

DOCUMENT = Path(__file__).parents[2] / "docs" / "events.md"
NOTHING = dict.fromkeys(LATENCIES)


def used(slot: str, unit: UsageUnit, amount: int, estimated: int = 0) -> dict[str, Any]:
    meter = {"slot": slot, "provider": "sim", "model": None, "unit": unit}
    return {**meter, "amount": amount, "estimated": estimated}


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
    story.used(4000, "llm", "tokens_out", 9).used(4000, "stt", "audio_in_ms", 900, turn=None)
    assert report(story).to_dict() == {
        "session": "s1",
        "clock": "simulated",
        "turns": [
            {
                "turn": 1,
                "user": "a slot on monday?",
                "agent": "Half past ten.",
                "heard": "Half past",
                "status": "completed",
                "tool_calls": [{"name": "find", "arguments": {"day": "mon"}, "result": {"slot": "10:30"}}],
                "latency_ms": {
                    **NOTHING,
                    "endpoint": 500,
                    "stt": 100,
                    "llm_queue": 0,
                    "llm_first_token": 200,
                    "llm": 100,
                    "tools": 100,
                    "chunk": 0,
                    "tts_first_audio": 100,
                    "playout": 0,
                    "voice_to_voice": 1100,
                },
                "filler": False,
                "silenced_ms": None,
                "usage": [used("llm", "tokens_out", 9)],
                "wasted": [],
            }
        ],
        "ignored": [],
        "dead_air": [],
        "switches": [],
        "left_out": {},
        "unanswered": 0,
        "discarded_drafts": 0,
        "usage": [used("stt", "audio_in_ms", 900), used("llm", "tokens_out", 9)],
        "wasted": [],
        "saved": [],
        "not_sent_ms": 0,
        "cost_usd": None,
        "cost": None,
    }


def test_what_is_not_known_yet_is_null() -> None:
    (turn,) = report(Story().begin(0).tool(10)).to_dict()["turns"]
    assert turn == {
        "turn": 1,
        "user": "hello",
        "agent": None,
        "heard": None,
        "status": None,
        "tool_calls": [{"name": "find", "arguments": {"day": "mon"}, "result": None}],
        "latency_ms": NOTHING,
        "filler": False,
        "silenced_ms": None,
        "usage": [],
        "wasted": [],
    }


def test_a_call_in_which_nothing_happened_has_no_turns() -> None:
    empty = report(Story())
    assert empty.to_dict() == {
        "session": "s1",
        "clock": "simulated",
        "turns": [],
        "ignored": [],
        "dead_air": [],
        "switches": [],
        "left_out": {},
        "unanswered": 0,
        "discarded_drafts": 0,
        "usage": [],
        "wasted": [],
        "saved": [],
        "not_sent_ms": 0,
        "cost_usd": None,
        "cost": None,
    }
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


@pytest.mark.parametrize(
    "cut_in",
    [
        Story.speech,
        lambda story, at_ms: story.typed(at_ms, "wait"),
        lambda story, at_ms: story.add(at_ms, Talk(pressed=True, at_ns=0)),
    ],
)
def test_a_caller_who_cuts_in_before_the_first_sound_wants_no_answer(cut_in: object) -> None:
    assert callable(cut_in)
    assert unanswered(cut_in(Story().begin(0), 100).end(101, status="interrupted")) == []


def test_a_sound_that_was_ignored_takes_nobody_the_word() -> None:
    ignored = Story().begin(0).speech(100, position=7).ignored(300, position=7)
    assert unanswered(ignored.end(400, status="interrupted")) == [1]
    again = Story().begin(0).speech(100, position=7).ignored(300, position=7).speech(350, position=9)
    assert unanswered(again.end(400, status="interrupted")) == []
    late = Story().begin(0).speech(100, position=7).speech(350, position=9).ignored(360, position=7)
    assert unanswered(late.end(400, status="interrupted")) == []


def test_the_key_to_talk_that_led_to_nothing_but_an_ignored_sound_takes_nobody_the_word() -> None:
    story = Story().begin(0).add(90, Talk(pressed=True, at_ns=0)).speech(100, position=7)
    assert unanswered(story.ignored(300, position=7).end(400, status="interrupted")) == [1]


def test_the_first_audio_is_what_was_heard_first() -> None:
    (turn,) = report(Story().begin(0).audible(10, filler=True).audible(900).end(2000)).turns
    assert turn.filler


def test_a_key_that_is_let_go_takes_nobody_the_word() -> None:
    story = Story().begin(0).add(100, Talk(pressed=False, at_ns=0)).end(200, status="interrupted")
    assert unanswered(story) == [1]


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


# ── drafts, and what was for nothing ─────────────────────────────────────────────────────────────


def test_what_a_draft_has_done_belongs_to_the_turn_that_it_becomes() -> None:
    story = Story().draft(100, user="where is").tool(200).used(250, "llm", "tokens_out", 5).told(300)
    made = report(story.begin(500, user="Where is it?").used(600, "llm", "tokens_out", 2).end(900))
    (turn,) = made.turns
    assert turn.user == "Where is it?"
    assert [call.result for call in turn.tool_calls] == ["done"]
    assert made.usage.to_list() == turn.usage.to_list() == [used("llm", "tokens_out", 7)]
    assert (made.discarded_drafts, made.wasted.to_list()) == (0, [])


def test_a_draft_that_is_discarded_is_no_turn_and_all_of_it_is_waste() -> None:
    story = Story().draft(100).tool(150).used(200, "llm", "tokens_in", 40).end(300, status="discarded")
    story.used(310, "llm", "tokens_out", 5, estimated=True).used(310, "tts", "characters", 12)
    made = report(story.draft(400, turn=2).begin(500, turn=2).used(600, "llm", "tokens_in", 41, turn=2))
    assert [turn.turn for turn in made.turns] == [2]
    assert made.discarded_drafts == 1
    assert made.wasted.to_list() == [
        used("llm", "tokens_in", 40),
        used("llm", "tokens_out", 5, estimated=5),
        used("tts", "characters", 12),
    ]
    assert made.usage.to_list()[0] == used("llm", "tokens_in", 81)


def test_a_draft_that_is_still_open_is_counted_but_is_not_waste_yet() -> None:
    made = report(Story().draft(100).used(200, "llm", "requests", 1))
    assert (made.usage.to_list(), made.wasted.to_list()) == ([used("llm", "requests", 1)], [])


def test_what_was_made_and_not_heard_of_a_reply_that_was_cut_off_is_waste_of_its_turn() -> None:
    segment = Segment(turn=1, index=0, text="One two three four.", rate=24_000, samples=24_000)
    story = Story().begin(0).used(20, "tts", "characters", 19).audible(30).heard(500, segment, 12_000)
    story.end(600, status="interrupted", said="One two three four.", heard="One two")
    made = report(story.used(610, "llm", "requests", 1))
    assert made.wasted.to_list() == [used("tts", "characters", 12, estimated=12)]
    assert made.turns[0].wasted.to_list() == made.to_dict()["turns"][0]["wasted"] == made.wasted.to_list()


def test_the_document_names_every_key_of_the_report() -> None:
    story = Story().begin(0).tool(1).ignored(2).dead_air(3, "llm").used(4, "llm", "requests", 1)

    def keys(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(keys, value))
        return set(value).union(*map(keys, value.values())) if isinstance(value, dict) else set()

    text = DOCUMENT.read_text(encoding="utf-8").partition("## The report")[2]
    made = report(story).to_dict()
    made["turns"][0]["tool_calls"][0]["arguments"] = {}
    assert [key for key in keys(made) if f"`{key}`" not in text] == []


# ── what the call was like ───────────────────────────────────────────────────────────────────────


def test_what_was_ignored_is_told_with_what_it_cost() -> None:
    story = Story().begin(0, turn=3).audible(10, turn=3).speech(100, position=7)
    story.ignored(700, turn=3, position=7, text="uh-huh", paused_ms=400)
    assert report(story).to_dict()["ignored"] == [
        {"turn": 3, "text": "uh-huh", "reason": "backchannel", "paused_ms": 400}
    ]


def test_dead_air_is_told_with_the_stage_at_fault_and_is_a_failure_where_words_were_lost() -> None:
    made = report(Story().begin(0).dead_air(4000, "llm").dead_air(9000, "stt", turn=None, silent_ms=5000))
    assert made.to_dict()["dead_air"] == [
        {"turn": 1, "stage": "llm", "silent_ms": 4000},
        {"turn": None, "stage": "stt", "silent_ms": 5000},
    ]
    assert made.failures == ["stt: nothing came of what the caller said"]


def test_what_goes_on_for_ever_does_not_fill_the_memory() -> None:
    story = Story().begin(0)
    for n in range(2 * MAX_NOTED):
        story.ignored(n).dead_air(n, "stt", turn=None)
    made = report(story)
    assert len(made.ignored) == len(made.dead_air) == len(made.failures) == MAX_NOTED
    assert made.left_out == dict.fromkeys(("ignored", "dead_air", "failures"), MAX_NOTED)


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


# ── what was recovered from ──────────────────────────────────────────────────────────────────────


def test_a_reply_that_was_begun_anew_is_told_once_and_what_it_consumed_is_waste() -> None:
    story = Story().begin(0).used(100, "llm", "tokens_out", 5).end(200, status="discarded")
    made = report(story.begin(200, turn=2).audible(300, turn=2).end(900, turn=2))
    assert [turn.turn for turn in made.turns] == [2]
    assert (made.discarded_drafts, made.unanswered, made.failures) == (1, [], [])
    assert made.wasted.to_list() == made.usage.to_list() == [used("llm", "tokens_out", 5)]


def test_a_notice_that_was_overtaken_before_it_sounded_is_no_missed_answer() -> None:
    made = report(Story().begin(0, user="").end(10, status="interrupted"))
    assert made.unanswered == []


def test_each_switch_of_a_provider_is_told() -> None:
    switch = next(event for event in EXAMPLES if isinstance(event, ProviderSwitched))
    assert report(Story().add(0, switch)).to_dict()["switches"] == [
        {
            "turn": 1,
            "slot": "llm",
            "previous": "openai/gpt-6-luna",
            "provider": "groq/llama-4-scout",
            "reason": "no answer within 3s",
        }
    ]


def test_a_turn_that_ends_when_the_next_one_has_begun_is_summed_up_by_its_end_however_few_are_kept() -> None:
    story = Story().begin(1000, user="a").audible(1020).begin(2000, turn=2, user="b")
    story.used(2005, "llm", "tokens_out", 7).end(2010, said="x", heard="x")
    story.audible(2030, turn=2).end(2040, turn=2).begin(3000, turn=3)
    few = CallReport(session="s1", clock="simulated", keep_turns=1)
    story.play(few)
    assert (few.left_out, few.unanswered_count) == ({"turns": 2}, 1)
    assert (few.usage.to_list(), few.wasted.to_list()) == ([used("llm", "tokens_out", 7)], [])


def test_nothing_of_a_report_waits_for_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        made = report(Story().speech(400).begin(1600, spoken=(1000, 1500)).audible(2100).end(4000))
        gone = weakref.ref(made)
        del made
        assert gone() is None
    finally:
        gc.enable()


def test_who_asks_for_it_is_told_of_each_turn_that_has_ended_with_its_timeline() -> None:
    made, ended = CallReport(session="s1", clock="simulated"), list[TurnReport]()
    made.on_turn_ended.append(ended.append)
    story = Story().begin(1000, turn=1).audible(1200, turn=1).end(2000, turn=1)
    story.begin(3000, turn=2).play(made)
    assert [(turn.turn, turn.status) for turn in ended] == [(1, "completed")]
    assert ended[0].timeline is not None
