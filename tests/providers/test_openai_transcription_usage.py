from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.workers import make_call
from voicepipe.providers.openai_transcription_usage import TranscriptionTally


def told(*reports: Any, sent_ms: float = 900) -> dict[Any, int]:
    async def main() -> dict[Any, int]:
        call = make_call()
        tally = TranscriptionTally(call)
        tally.sent_ms = sent_ms
        for report in reports:
            tally.report(report)
        tally.close()
        return call.usage

    return asyncio.run(main())


def test_the_length_of_the_audio_is_billed_as_it_is_reported() -> None:
    assert told({"type": "duration", "seconds": 1.5}) == {("audio_in_ms", False): 1500}
    assert told(SimpleNamespace(type="duration", seconds=2)) == {("audio_in_ms", False): 2000}


def test_of_tokens_those_of_the_text_are_told_apart() -> None:
    details = {"audio_tokens": 14, "text_tokens": 5}
    report = {"type": "tokens", "input_tokens": 19, "output_tokens": 7, "input_token_details": details}
    assert told(report) == {
        ("audio_tokens_in", False): 14,
        ("tokens_in", False): 5,
        ("tokens_out", False): 7,
    }
    without = {"type": "tokens", "input_tokens": 19, "output_tokens": 7}
    assert told(without) == {("audio_tokens_in", False): 19, ("tokens_out", False): 7}


@pytest.mark.parametrize(
    "report",
    [
        None,
        {},
        {"type": "duration"},
        {"type": "duration", "seconds": -1},
        {"type": "duration", "seconds": True},
        {"type": "tokens", "input_tokens": "3", "output_tokens": 1},
        "seconds",
    ],
)
def test_without_a_report_that_can_be_read_what_was_sent_is_the_estimate(report: Any) -> None:
    assert told(report) == {("audio_in_ms", True): 900}


def test_what_was_refused_costs_nothing() -> None:
    assert told(sent_ms=0) == {}


@given(
    st.recursive(st.none() | st.integers() | st.floats() | st.text(), lambda x: st.dictionaries(st.text(), x))
)
def test_whatever_is_reported_usage_is_told_once(odd: Any) -> None:
    for report in (odd, {"type": "duration", "seconds": odd}, {"type": "tokens", "input_tokens": odd}):
        assert len({unit for unit, _ in told(report)}) == len(told(report)) == 1
