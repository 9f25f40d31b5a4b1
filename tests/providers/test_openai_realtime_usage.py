"""What a reply and a transcript cost: as reported, or estimated."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.workers import make_call
from voicepipe.core.calls import Call
from voicepipe.providers.openai_realtime_usage import Context, Tally, report_transcript

USAGE = {
    "input_tokens": 300,
    "output_tokens": 90,
    "input_token_details": {
        "text_tokens": 100,
        "audio_tokens": 200,
        "cached_tokens": 128,
        "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 64},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 60},
}


def a_call() -> Call:
    async def main() -> Call:
        return make_call()  # its clock wants a loop, although nobody looks at it here

    return asyncio.run(main())


def tally(context: Context | None = None, **options: Any) -> tuple[Call, Tally]:
    call = a_call()
    made = Tally(call, context or Context(), **{"with_context": True, "asked": 0, **options})
    made.billed = True
    return call, made


def test_text_audio_and_what_was_cached_of_each_are_told_apart() -> None:
    call, made = tally()
    made.report(USAGE)
    made.close()
    assert call.usage == {
        ("tokens_in", False): 100,
        ("tokens_in_cached", False): 64,
        ("tokens_out", False): 30,
        ("audio_tokens_in", False): 200,
        ("audio_tokens_in_cached", False): 64,
        ("audio_tokens_out", False): 60,
    }


def test_a_server_that_tells_no_details_is_taken_at_its_word() -> None:
    call, made = tally()
    made.report({"input_tokens": 30, "output_tokens": 9})
    made.close()
    assert call.usage == {("tokens_in", False): 30, ("tokens_out", False): 9}


@pytest.mark.parametrize("usage", [{}, {"input_tokens": None}, {"input_token_details": 3}])
def test_what_can_not_be_read_is_nothing(usage: dict[str, Any]) -> None:
    call, made = tally()
    made.report(usage)
    assert call.usage == {}


def test_a_reply_that_was_cut_off_is_estimated_with_the_conversation_that_it_looked_at() -> None:
    context = Context()
    context.wrote(400)
    context.heard(2000)
    call, made = tally(context, asked=40)
    made.characters, made.audio_ms = 20, 1000.0
    made.close()
    assert call.usage == {
        ("tokens_in", True): 110,
        ("tokens_out", True): 5,
        ("audio_tokens_in", True): 20,
        ("audio_tokens_out", True): 20,
    }
    assert (context.text, context.audio) == (105, 40)


def test_the_next_estimate_begins_with_the_last_report() -> None:
    context = Context()
    tally(context)[1].report(USAGE)
    context.heard(1000)
    call, made = tally(context)
    made.close()
    assert call.usage == {("tokens_in", True): 130, ("audio_tokens_in", True): 270}


def test_a_reply_beside_the_conversation_neither_costs_it_nor_lengthens_it() -> None:
    context = Context()
    context.wrote(4000)
    call, made = tally(context, with_context=False, asked=40)
    made.close()
    assert call.usage == {("tokens_in", True): 10}
    tally(context, with_context=False)[1].report(USAGE)
    assert context.text == 1000


def test_what_was_refused_costs_nothing() -> None:
    call, made = tally(asked=100)
    made.billed = False
    made.close()
    assert call.usage == {}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"type": "duration", "seconds": 1.25}, {("audio_in_ms", False): 1250}),
        (
            {"type": "tokens", "input_tokens": 12, "output_tokens": 3},
            {("audio_tokens_in", False): 12, ("tokens_in", False): 0, ("tokens_out", False): 3},
        ),
        ({}, {("audio_in_ms", True): 900}),
        ({"seconds": "1"}, {("audio_in_ms", True): 900}),
        ({"seconds": -1}, {("audio_in_ms", True): 900}),
    ],
)
def test_a_transcript_is_billed_by_duration_or_by_tokens_or_stays_an_estimate(
    usage: dict[str, Any], expected: dict[Any, int]
) -> None:
    call = a_call()
    call.set_usage("audio_in_ms", 900, estimated=True)
    report_transcript(call, usage)
    assert call.usage == expected
