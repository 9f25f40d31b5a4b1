"""The suite as a whole: good providers keep all, and each promise is a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from tests.support.contract_fakes import GOOD, GoodLlm, GoodTts, GoodVad, examine, subject
from voicepipe.core.calls import Call
from voicepipe.providers.base import Speech, Word
from voicepipe.testing.contract import Broken, Promise, Subject, keep, promises_of
from voicepipe.testing.contract.promise import all_promises


@pytest.mark.parametrize(
    ("one", "who"),
    [
        pytest.param(one, who, id=f"{who.provider.__name__}-{one.name}")
        for who in GOOD
        for one in promises_of(who)
    ],
)
def test_providers_that_keep_their_promises_pass(one: Promise, who: Subject) -> None:
    keep(one, who)


@pytest.mark.parametrize("one", list(all_promises()), ids=lambda one: one.name)
def test_a_promise_says_in_a_sentence_what_it_is(one: Promise) -> None:
    assert one.text.endswith(".")
    assert one.name == one.name.lower()


class TellsAudio(GoodTts):
    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        try:
            async for event in super().synthesize(call, text):
                yield event
        except asyncio.CancelledError:
            yield Speech(pcm=np.arange(900, dtype=np.int16))


def test_what_was_found_is_short_enough_to_be_read() -> None:
    """NumPy writes out up to a thousand samples: over a hundred lines for one block of audio."""
    cancelled = next(one for one in all_promises() if one.name == "a_request_may_be_cancelled_at_any_moment")
    with pytest.raises(Broken, match=r"Speech\(pcm=(?s:.)* after the cancellation$") as broken:
        keep(cancelled, subject(TellsAudio))
    assert len(str(broken.value)) < 700


def test_no_name_stands_for_two_promises_of_a_kind() -> None:
    for who in GOOD:
        names = [one.name for one in promises_of(who)]
        assert len(names) == len(set(names))


def test_faults_concern_providers_that_have_them_or_have_a_connection() -> None:
    def needs(who: Subject) -> set[Any]:
        return {one.needs for one in promises_of(who)}

    class Connected(GoodTts):
        clock = "real"

    assert needs(subject(GoodVad)) == {None}
    assert needs(subject(GoodTts)) == {None}
    assert needs(subject(GoodTts, faults=frozenset({"stall"}))) == {None, "stall"}
    everything = {None, "stall", "dropped", "malformed", "rate_limit", "refused_key"}
    assert needs(subject(Connected)) == needs(subject(GoodLlm)) == everything


class Hanging(GoodTts):
    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        await asyncio.Event().wait()
        yield Speech(pcm=None)  # type: ignore[arg-type]  # never reached


def test_a_provider_that_hangs_breaks_the_promise_instead_of_the_run() -> None:
    with pytest.raises(Broken, match="waits for something that doesn't come"):
        examine("an_answer_is_what_the_interface_says", Hanging)


def test_an_unexpected_error_of_a_provider_is_passed_on() -> None:
    class Wrong(GoodTts):
        def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
            raise LookupError("no voice")

    with pytest.raises(LookupError, match="no voice"):
        examine("an_answer_is_what_the_interface_says", Wrong)
