"""The silence that a recogniser wasn't given, and what would have been billed for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.stages import FRAME, RATE, Bench, FakeStt, counted, frames_of
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import Pcm, SpeechStarted, SpeechStopped
from voicepipe.core.records import NotSent, UsageUnit
from voicepipe.core.retries import RetryLimits
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis
from voicepipe.runtime.lineup import Lineup
from voicepipe.stages.base import Agent, ProviderSlotConfig
from voicepipe.stages.kept_back import KeptBack
from voicepipe.stages.stt import Stt


class Billed(FakeStt):
    """Its vendor bills all audio; it counts what it is given."""

    name = "billed"
    given = 0

    def __init__(self, broken: bool = False) -> None:
        super().__init__(self._hear)
        self._broken = broken

    def billed(self, silence_ms: int) -> Mapping[UsageUnit, int]:
        return {"audio_in_ms": silence_ms}

    async def _hear(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        if self._broken:
            raise ProviderError("gone", provider=self.name, kind="authentication")
        async for block in audio:
            self.given += block.size
        yield Hypothesis(text="yes", final=True)


def hold(provider: FakeStt, order: list[Any], fallback: FakeStt | None = None) -> list[NotSent]:
    """What is recorded in a call with these frames."""

    async def main() -> list[NotSent]:
        clock = Clock()
        lineup = Lineup([provider, *([fallback] if fallback else [])], clock=clock, limits=RetryLimits())
        bench = Bench(Stt(ProviderSlotConfig(), provider, Agent()), clock=clock, lineup=lineup)
        await bench.given(*order)
        return [record for record in bench.records if isinstance(record, NotSent)]

    return run_on("simulated", main())


def spoken(*spans: tuple[int, int], padding: int, of: int) -> list[Any]:
    """``of`` frames in which there is speech from frame to frame, noticed without delay."""
    order: list[Any] = list(frames_of(counted(of * FRAME)))
    for begin, end in reversed(spans):
        stop = SpeechStopped(position=end * FRAME, offset_ns=0, at_ns=0)
        start = SpeechStarted(
            position=begin * FRAME, audio_from=(begin - padding) * FRAME, onset_ns=0, at_ns=0
        )
        order.insert(end, stop)
        order.insert(begin, start)
    return order


def test_what_lies_between_utterances_and_their_padding_was_not_sent() -> None:
    model = Billed()
    told = hold(model, spoken((20, 40), (60, 80), padding=10, of=100))
    assert [one.ms for one in told] == [200, 200, 400]  # the last when the call was over
    assert {(one.slot, one.provider, one.unit) for one in told} == {("stt", "billed", "audio_in_ms")}
    assert all(one.amount == one.ms for one in told)
    assert model.given == 60 * FRAME


def test_a_caller_who_says_nothing_costs_nothing() -> None:
    assert [one.ms for one in hold(Billed(), spoken(padding=0, of=150))] == [3000]


def test_a_recogniser_that_nobody_is_billed_for_saves_nothing() -> None:
    async def hear(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        async for _ in audio:
            pass
        yield Hypothesis(text="yes", final=True)

    assert hold(FakeStt(hear), spoken((20, 40), padding=10, of=100)) == []


def test_padding_that_reaches_into_the_utterance_before_isnt_taken_off_twice() -> None:
    told = hold(Billed(), spoken((20, 40), (45, 60), padding=10, of=60))
    assert [one.ms for one in told] == [200]


def test_who_is_asked_instead_is_who_isnt_sent_it() -> None:
    cheap = Billed()
    cheap.name = "cheap"
    told = hold(Billed(broken=True), spoken((20, 40), padding=10, of=100), fallback=cheap)
    assert [(one.provider, one.ms) for one in told] == [("cheap", 200), ("cheap", 1200)]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=6), st.integers(0, 15))
def test_what_was_sent_and_what_was_not_are_the_whole_call(
    parts: list[tuple[int, int]], padding: int
) -> None:
    spans, at, kept, frames = [], 0, [], padding
    for silence, speech in parts:
        begin = at + padding + silence
        spans.append((begin, begin + speech))
        kept.append(silence)
        at = begin + speech
        frames = at
    model = Billed()
    told = hold(model, spoken(*spans, padding=padding, of=frames + 7))
    whole = (frames + 7) * FRAME * 1000 // RATE
    assert sum(one.ms for one in told) + model.given * 1000 // RATE == whole
    if parts:
        assert sum(one.ms for one in told) == 20 * (sum(kept) + 7)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000])
def test_parts_of_a_millisecond_are_kept_for_the_next_time(rate: int) -> None:
    async def main() -> int:
        bench = Bench(Stt(ProviderSlotConfig(), Billed(), Agent()))
        silence, told = KeptBack(bench.context), 0
        size = rate // 50
        for frame in frames_of(counted(100 * size), rate):
            silence.note(frame)
            told += silence.take()
        return told

    assert run_on("simulated", main()) == 100 * (rate // 50) * 1000 // rate
