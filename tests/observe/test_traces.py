from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.money import CLOUD, book
from tests.observe.test_cost import call
from tests.observe.test_objectives import turn
from tests.support.happenings import Story
from voicepipe.config.telemetry import TracesConfig
from voicepipe.core.masking import MASK
from voicepipe.core.units import MS
from voicepipe.observe.report import CallReport
from voicepipe.observe.spans import Span
from voicepipe.observe.traces import MAX_WAITING, CallTrace, sampled
from voicepipe.runtime.workers import ThreadWorkers


@dataclass
class Kept:
    turns: list[tuple[Span, list[Span]]] = field(default_factory=list)
    calls: list[Span] = field(default_factory=list)

    def send(self, turn: Span, inside: list[Span]) -> None:
        self.turns.append((turn, inside))

    def end(self, call: Span) -> None:
        self.calls.append(call)

    @property
    def why(self) -> dict[Any, Any]:
        return {one.attributes["voicepipe.turn"]: one.attributes["voicepipe.kept"] for one, _ in self.turns}


def traced(
    tmp_path: Path, story: Story, *, session: str = "s1", secrets: tuple[str, ...] = (), **keys: Any
) -> Kept:
    config = TracesConfig.model_validate({"otlp": "http://127.0.0.1:4318", "sample": 0, **keys})
    kept = Kept()
    report = CallReport(session=session, clock="real", prices=book(tmp_path, CLOUD), secrets=secrets)
    trace = CallTrace(config, kept, agent="desk", report=report)
    for at_ns, event in story.events:
        report(at_ns, event)
        trace(at_ns, event)
    asyncio.run(trace.end(report, ThreadWorkers()))
    return kept


def test_every_slow_failed_and_interrupted_turn_is_kept_and_no_other_without_a_share(tmp_path: Path) -> None:
    story = turn(turn(Story(), 1, 900), 2, 1300)
    turn(turn(turn(story, 3, 800, "failed"), 4, 800, "interrupted"), 5, 800)
    assert traced(tmp_path, story).why == {2: "slow", 3: "failed", 4: "interrupted"}
    assert traced(tmp_path, story, slow="1.5s").why == {3: "failed", 4: "interrupted"}
    assert traced(tmp_path, story, sample=1).why == {
        1: "sampled",
        2: "slow",
        3: "failed",
        4: "interrupted",
        5: "sampled",
    }


def test_an_unanswered_turn_is_one_that_failed(tmp_path: Path) -> None:
    assert traced(tmp_path, Story().begin(0).end(900)).why == {1: "failed"}


@given(st.text(max_size=20), st.floats(0, 1))
def test_the_same_turns_are_drawn_each_time_and_more_for_a_greater_share(session: str, share: float) -> None:
    drawn = [sampled(session, number, share) for number in range(50)]
    assert drawn == [sampled(session, number, share) for number in range(50)]
    assert all(sampled(session, number, 1.0) for number in range(50))
    assert not any(sampled(session, number, 0.0) for number in range(50))
    assert all(sampled(session, number, (1 + share) / 2) for number in range(50) if drawn[number])


def test_about_the_share_is_drawn() -> None:
    assert 80 < sum(sampled("session", number, 0.1) for number in range(1000)) < 120


def test_nothing_is_sent_of_a_call_of_which_nothing_is_kept(tmp_path: Path) -> None:
    kept = traced(tmp_path, turn(Story(), 1, 900))
    assert (kept.turns, kept.calls) == ([], [])


def test_the_call_is_around_all_of_it(tmp_path: Path) -> None:
    story = call(turn(turn(Story(), 1, 1900), 2, 900), 30_000, "llm", None, tokens_in=10_000)
    (found,) = traced(tmp_path, story).calls
    assert (found.name, found.start_ns, found.end_ns, found.error) == ("call desk", 0, 30_000 * MS, None)
    assert found.attributes == {
        "gen_ai.agent.name": "desk",
        "voicepipe.turns": 2,
        "voicepipe.turns_kept": 1,
        "voicepipe.cost_usd": 0.001,
    }


def test_a_turn_begins_with_what_was_recognised_and_has_its_requests_tools_and_steps(tmp_path: Path) -> None:
    story = call(Story(), 10_140, "stt", None, audio_in_ms=1500)
    story.begin(10_150, turn=1, spoken=(10_000, 10_100)).provider(10_250, "llm")
    call(story, 10_400, "llm", 1, tokens_in=1000, tokens_in_cached=300, tokens_out=20)
    story.tool(10_420).told(10_700, error=True).provider(10_800, "tts").audible(11_900).end(13_000)
    call(story, 13_000, "tts", 1, "cancelled", characters=12)
    ((around, inside),) = traced(tmp_path, story).turns
    names = [span.name for span in inside]
    assert names[:4] == [
        "speech_to_text nova-3",
        "chat gpt-6-luna",
        "execute_tool find",
        "text_to_speech eleven_flash_v2_5",
    ]
    assert names[4:] == [
        "step endpoint",
        "step stt",
        "step llm_first_token",
        "step llm",
        "step tools",
        "step tts_first_audio",
        "step playout",
    ]
    steps = [span for span in inside if span.name.startswith("step ")]
    assert sum(span.end_ns - span.start_ns for span in steps) == 1900 * MS
    assert around.start_ns == min(span.start_ns for span in inside)
    assert around.end_ns == 13_000 * MS
    assert around.attributes["voicepipe.voice_to_voice_ms"] == 1900
    chat, tool = inside[1], inside[2]
    assert chat.client
    assert chat.attributes["gen_ai.operation.name"] == "chat"
    assert chat.attributes["gen_ai.provider.name"] == "openai"
    assert chat.attributes["gen_ai.request.model"] == "gpt-6-luna"
    assert chat.attributes["gen_ai.usage.input_tokens"] == 1000
    assert chat.attributes["gen_ai.usage.cache_read.input_tokens"] == 300
    assert chat.attributes["gen_ai.usage.output_tokens"] == 20
    assert chat.attributes["voicepipe.cost_usd"] > 0  # type: ignore[operator]
    assert (tool.error, tool.attributes["error.type"]) == ("the tool failed", "_OTHER")
    assert tool.attributes["gen_ai.tool.call.id"] == "c1"
    assert inside[3].attributes["voicepipe.status"] == "cancelled"


def test_a_request_that_failed_is_an_error(tmp_path: Path) -> None:
    story = call(Story().begin(0), 500, "llm", 1, "failed", tokens_in=5).audible(600).end(1900)
    ((around, inside),) = traced(tmp_path, story, slow="100ms").turns
    (failed,) = [span for span in inside if span.error is not None]
    assert failed.attributes["error.type"] == "_OTHER"
    assert around.error is None


def test_what_has_no_price_is_told(tmp_path: Path) -> None:
    story = call(Story().begin(0), 500, "llm", 1, model="gpt-unknown", tokens_in=5).end(600, status="failed")
    ((_, inside),) = traced(tmp_path, story).turns
    (chat,) = [span for span in inside if span.client]
    assert chat.attributes["voicepipe.unpriced"] is True
    assert "voicepipe.cost_usd" not in chat.attributes


def test_words_go_along_only_if_they_are_asked_for_and_never_a_secret(tmp_path: Path) -> None:
    story = Story().begin(0, user="my key is sk-1").tool(100).told(200, "a result").audible(1900)
    story.end(3000, said="I see sk-1", heard="I see")
    ((around, inside),) = traced(tmp_path, story).turns
    spoken = ("key", "I see", "mon", "a result")
    shown = json.dumps([around.attributes, *[span.attributes for span in inside]])
    assert not any(word in shown for word in spoken)
    ((around, inside),) = traced(tmp_path, story, content=True, secrets=("sk-1",)).turns
    assert json.loads(str(around.attributes["gen_ai.input.messages"])) == [
        {"role": "user", "parts": [{"type": "text", "content": f"my key is {MASK}"}]}
    ]
    assert json.loads(str(around.attributes["gen_ai.output.messages"])) == [
        {"role": "assistant", "parts": [{"type": "text", "content": f"I see {MASK}"}]}
    ]
    tool = next(span for span in inside if span.name == "execute_tool find")
    assert tool.attributes["gen_ai.tool.call.arguments"] == '{"day": "mon"}'
    assert tool.attributes["gen_ai.tool.call.result"] == "a result"


def test_a_draft_that_was_dropped_leaves_nothing_and_a_turn_begun_anew_is_one_turn(tmp_path: Path) -> None:
    story = Story().begin(0).end(500, status="discarded").begin(600).audible(700).end(1900)
    kept = traced(tmp_path, story, sample=1)
    assert kept.why == {1: "sampled"}


def test_what_waits_for_a_turn_is_bounded(tmp_path: Path) -> None:
    story = Story()
    for number in range(2 * MAX_WAITING):
        call(story, number, "stt", None, audio_in_ms=1)
    ((_, inside),) = traced(tmp_path, story.begin(1000).end(1500, status="failed")).turns
    assert len([span for span in inside if span.client]) == MAX_WAITING


@pytest.mark.parametrize("failed", [True, False])
def test_a_call_that_failed_without_a_turn_is_sent_alone(tmp_path: Path, failed: bool) -> None:
    story = Story().dead_air(5000, "stt", turn=None) if failed else Story().idle(5000)
    kept = traced(tmp_path, story)
    assert kept.turns == []
    assert [span.error for span in kept.calls] == (["something failed"] if failed else [])
