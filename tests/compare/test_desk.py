from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.plans import SIM, conversations, variant
from tests.support.witness import Witness
from voicepipe.compare.desk import Desk, simulate
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.plan import Run, Scripted, Variant
from voicepipe.core.messages import Message, ToolCall

TIME = "the time comes from the tool"
ORDER = "a question is answered within a second"
GOES_ON = "somebody who goes on gets one answer to all of it, and the draft was waste"
WITNESS = (
    "stages.llm=tests.support.witness:Witness",
    "stages.tts={use: sim, speed: 20, first_audio: 0ms}",
    "stages.turn.speculate=[]",
)


@cache
def every() -> dict[str, Scripted]:
    return {call.name: call for call in conversations()}


def hold(variants: Sequence[Variant], *runs: Run, tell: Any = print, **others: Any) -> list[MeasuredCall]:
    clock = variants[0].clock
    with Desk(clock, variants, "stubs", stand_ins={}, tell=tell, **others) as desk:
        return [desk.hold(run, None) for run in runs]


def run(variant: Variant, name: str = TIME, repetition: int = 0) -> Run:
    return Run(variant, every()[name], repetition)


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    Witness.forget()


# ── one loop for many calls ──────────────────────────────────────────────────────────────────────


def test_the_models_are_loaded_once_for_all_calls_of_a_variant() -> None:
    one = variant("a", overrides=WITNESS, clock="charged")
    calls = hold([one], run(one), run(one, repetition=1))
    assert Witness.journal == ["starting", "started", "closed"]
    assert [call.repetition for call in calls] == [0, 1]
    assert {call.clock for call in calls} == {"charged"}
    assert [call.turns[0].heard for call in calls] == ["Fine.", "Fine."]


def test_what_computing_takes_counts_on_the_charged_clock_and_waiting_costs_nothing() -> None:
    one = variant("a", clock="charged")
    (call,) = hold([one], run(one))
    turn = call.turns[0]
    assert turn.voice_to_voice_ns is not None
    assert turn.voice_to_voice_ns > simulate(run(variant("a")), "stubs", None).turns[0].voice_to_voice_ns
    assert sum(part.duration_ns for part in turn.waterfall) == turn.voice_to_voice_ns


def test_a_variant_that_cannot_be_started_is_told_once_and_the_others_go_on() -> None:
    told: list[str] = []
    good = variant("good", clock="charged")
    bad = variant("bad", overrides=[*WITNESS, "stages.llm.broken=true"], clock="charged")
    calls = hold([bad, good], run(bad), run(good), run(bad, repetition=1), tell=told.append)
    assert [call.error for call in calls] == ["the model is broken", None, "the model is broken"]
    assert told == ["'bad' can't be held: the model is broken"]
    assert calls[1].passed


def test_a_call_that_fails_on_one_variant_is_only_its_own_error() -> None:
    faulty = variant("faulty", overrides=["stages.llm=tests.support.dying:Faulty"], clock="charged")
    interrupted = "an interruption is answered, and the history keeps what was heard"
    calls = hold([faulty], run(faulty, interrupted), run(faulty, ORDER))
    assert [call.error for call in calls] == ["LookupError: the bug", None]


def test_a_tool_without_a_stub_is_the_calls_error(tmp_path: Path) -> None:
    path = tmp_path / "sim.yaml"
    path.write_text(
        SIM.read_text(encoding="utf-8").replace('tool_results: {current_time: {time: "12:30"}}', "")
    )
    call = simulate(run(variant("a", path)), "stubs", None)
    assert "'current_time' was called, and there is no stub" in str(call.error)
    assert call.passed is None
    assert call.turns[0].answered


def test_with_live_tools_a_tool_answers_for_itself() -> None:
    stubbed, live = (simulate(run(variant("a")), tools, None) for tools in ("stubs", "live"))  # type: ignore[arg-type]
    assert "12:30" in stubbed.turns[0].heard
    assert "12:30" not in live.turns[0].heard


# ── the simulated clock ──────────────────────────────────────────────────────────────────────────

SPREAD = ["stages.llm.first_token={p50: 200ms, p99: 900ms}"]


def test_a_simulated_call_is_the_same_each_time() -> None:
    first, second = (simulate(run(variant("a", overrides=SPREAD)), "stubs", None) for _ in range(2))
    assert first.turns == second.turns
    assert first.events == second.events


def test_repetitions_and_calls_have_latencies_of_their_own_and_variants_the_same_ones() -> None:
    def first_token(name: str, repetition: int, call: str = ORDER) -> int:
        held = simulate(run(variant(name, overrides=SPREAD), call, repetition), "stubs", None)
        return sum(p.duration_ns for p in (*held.turns[0].ahead, *held.turns[0].waterfall) if "llm" in p.step)

    assert first_token("a", 0) != first_token("a", 1)
    assert first_token("a", 0) == first_token("b", 0)


# ── the history of a recording ───────────────────────────────────────────────────────────────────

ASKED = [{"role": "user", "text": "I am Ann."}, {"role": "assistant", "text": "Hello Ann."}]
CALLED = [
    {"role": "user", "text": "Well?"},
    {
        "role": "assistant",
        "text": "",
        "tool_calls": [{"id": "c1", "name": "current_time", "arguments": "{}"}],
    },
    {"role": "tool", "text": "12:30", "tool_call_id": "c1"},
]


def test_before_each_utterance_the_model_is_given_the_history_of_the_recording() -> None:
    script = [*every()[ORDER].script[:1], *every()[TIME].script[:1]]
    call = Scripted("recorded", "recorded", script, 0, remembered=[[], [*ASKED, *CALLED]])
    held = simulate(Run(variant("a", overrides=WITNESS), call, 0), "stubs", None)
    assert held.error is None
    first, second = ([one for one in asked if one.role != "system"] for asked in Witness.asked)
    assert first == [Message(role="user", text="Where is my order?")]
    assert second == [
        Message(role="user", text="I am Ann."),
        Message(role="assistant", text="Hello Ann."),
        Message(role="user", text="Well?"),
        Message(
            role="assistant",
            text="",
            tool_calls=(ToolCall(id="c1", name="current_time", arguments="{}"),),
        ),
        Message(role="tool", text="12:30", tool_call_id="c1"),
        Message(role="user", text="What time is it, please?"),
    ]


def test_otherwise_the_history_is_what_was_said_here() -> None:
    script = [*every()[ORDER].script[:1], *every()[TIME].script[:1]]
    simulate(Run(variant("a", overrides=WITNESS), Scripted("free", "recorded", script, 0), 0), "stubs", None)
    assert [one.text for one in Witness.asked[1] if one.role == "assistant"] == ["Fine. "]


# ── stand-ins ────────────────────────────────────────────────────────────────────────────────────


def test_without_a_stand_in_a_variant_that_wants_one_cannot_be_held() -> None:
    told: list[str] = []
    one = variant("a", server="realtime", clock="charged")
    (call,) = hold([one], run(one), tell=told.append)
    assert call.error == "there is no stand-in for 'realtime'"
    assert len(told) == 1
