from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.observe.money import CLOUD, FUSED, book, usages
from voicepipe.core.records import ProviderAttempt
from voicepipe.core.units import MS
from voicepipe.observe.requests import tally
from voicepipe.observe.spans import Span, attempt_span, step_spans, turn_span
from voicepipe.observe.timeline import Contribution, Mark, TurnTimeline
from voicepipe.observe.turn_report import TurnReport


def attempted(folder: Path, slot: str, provider: str, *, model: str | None, **fields: Any) -> Span:
    """The span of one request; ``fields`` of the attempt, and by unit what it consumed."""
    own = {name: fields.pop(name) for name in list(fields) if name in ProviderAttempt.__slots__}
    attempt = ProviderAttempt(
        at_ns=900 * MS,
        turn=1,
        slot=slot,
        provider=provider,
        began_ns=100 * MS,
        model=model,
        usage=usages(fields),
        **{"first_event_ns": None, "status": "ok", **own},
    )
    return attempt_span(attempt, tally(attempt, book(folder, FUSED if slot == "realtime" else CLOUD)))


def test_audio_tokens_are_told_apart_and_are_a_part_of_all(tmp_path: Path) -> None:
    span = attempted(
        tmp_path,
        "realtime",
        "openai",
        model="gpt-realtime-2.1",
        tokens_in=100,
        tokens_in_cached=40,
        audio_tokens_in=300,
        audio_tokens_in_cached=200,
        tokens_out=10,
        audio_tokens_out=50,
    )
    assert span.name == "chat gpt-realtime-2.1"
    used = {name: value for name, value in span.attributes.items() if name.startswith("gen_ai.usage.")}
    assert used == {
        "gen_ai.usage.input_tokens": 400,
        "gen_ai.usage.output_tokens": 60,
        "gen_ai.usage.cache_read.input_tokens": 240,
        "gen_ai.usage.audio.input_tokens": 300,
        "gen_ai.usage.audio.output_tokens": 50,
        "gen_ai.usage.audio.cache_read.input_tokens": 200,
    }
    assert span.attributes["gen_ai.output.type"] == "speech"


@pytest.mark.parametrize(
    ("slot", "operation"),
    [("stt", "speech_to_text"), ("stt/second", "speech_to_text"), ("llm", "chat"), ("tts", "text_to_speech")],
)
def test_each_kind_of_slot_has_its_operation(tmp_path: Path, slot: str, operation: str) -> None:
    span = attempted(tmp_path, slot, "sim", model=None)
    assert span.name == f"{operation} sim"
    assert (span.attributes["gen_ai.operation.name"], span.attributes["voicepipe.slot"]) == (operation, slot)
    assert "gen_ai.request.model" not in span.attributes


def test_the_first_chunk_is_counted_from_the_request_in_seconds(tmp_path: Path) -> None:
    span = attempted(tmp_path, "llm", "openai", model="m", first_event_ns=350 * MS, number=2, probe=True)
    assert span.attributes["gen_ai.response.time_to_first_chunk"] == 0.25
    assert (span.attributes["voicepipe.attempt"], span.attributes["voicepipe.probe"]) == (2, True)
    assert (span.start_ns, span.end_ns, span.error) == (100 * MS, 900 * MS, None)


@pytest.mark.parametrize(("error", "told"), [("no answer", "no answer"), (None, "it failed")])
def test_a_failed_request_says_why(tmp_path: Path, error: str | None, told: str) -> None:
    span = attempted(tmp_path, "llm", "openai", model=None, status="failed", error=error)
    assert (span.error, span.attributes["error.type"]) == (told, "_OTHER")


def test_steps_that_took_no_time_have_no_span_and_what_was_done_ahead_is_marked() -> None:
    line = TurnTimeline(
        turn=1,
        start_ns=0,
        spoken=True,
        estimated=True,
        marks=(Mark("endpoint", 300 * MS), Mark("stt", 300 * MS), Mark("playout", 400 * MS)),
        ahead=(Contribution("stt", 0, 100 * MS),),
    )
    found = [
        (span.name, (span.end_ns - span.start_ns) // MS, span.attributes["voicepipe.ahead"])
        for span in step_spans(line)
    ]
    assert found == [("step endpoint", 300, False), ("step playout", 100, False), ("step stt", 100, True)]


def test_a_turn_of_which_nothing_else_is_known_has_a_span() -> None:
    span = turn_span("desk", TurnReport(3, "", status="completed"), "sampled", 5 * MS, [], {})
    assert (span.start_ns, span.end_ns, span.attributes["voicepipe.turn"]) == (5 * MS, 5 * MS, 3)
