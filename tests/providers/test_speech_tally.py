from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.workers import make_call
from voicepipe.providers.speech_tally import SpeechTally

RATE = 24_000


def usage(use: Callable[[SpeechTally], None], *, by_tokens: bool, instructions: str = "") -> dict[Any, int]:
    async def main() -> dict[Any, int]:
        call = make_call()
        tally = SpeechTally(call, by_tokens=by_tokens, rate=RATE, instructions=instructions)
        use(tally)
        tally.close()
        tally.close()
        return call.usage

    return asyncio.run(main())


def answered(tally: SpeechTally) -> None:
    asked = tally.ask("twelve chars")
    asked.billed, asked.samples = True, RATE


def test_characters_are_billed_as_they_were_sent() -> None:
    assert usage(answered, by_tokens=False) == {("characters", False): 12}


def test_several_requests_add_up() -> None:
    def use(tally: SpeechTally) -> None:
        answered(tally)
        answered(tally)

    assert usage(use, by_tokens=False) == {("characters", False): 24}


def test_a_request_without_an_answer_makes_all_of_it_an_estimate() -> None:
    def use(tally: SpeechTally) -> None:
        answered(tally)
        tally.ask("never answered")

    assert usage(use, by_tokens=False) == {("characters", True): 26}


def test_what_was_refused_costs_nothing() -> None:
    def use(tally: SpeechTally) -> None:
        tally.ask("refused").billed = False

    assert usage(use, by_tokens=False) == {}
    assert usage(lambda tally: None, by_tokens=True) == {}


def test_tokens_are_those_that_were_reported() -> None:
    def use(tally: SpeechTally) -> None:
        asked = tally.ask("Hello")
        asked.billed = True
        asked.report({"input_tokens": 14, "output_tokens": 101, "total_tokens": 115})

    assert usage(use, by_tokens=True) == {("tokens_in", False): 14, ("audio_tokens_out", False): 101}


ODD: tuple[Any, ...] = (
    *(None, {}, []),
    {"input_tokens": "14", "output_tokens": 3},
    {"input_tokens": -1, "output_tokens": 3},
)


@pytest.mark.parametrize("reported", ODD)
def test_tokens_that_were_not_reported_are_estimated_from_text_and_audio(reported: Any) -> None:
    def use(tally: SpeechTally) -> None:
        answered(tally)
        tally._all[0].report(reported)

    told = usage(use, by_tokens=True, instructions="Calmly! ")
    assert told == {("tokens_in", True): 5, ("audio_tokens_out", True): 20}
