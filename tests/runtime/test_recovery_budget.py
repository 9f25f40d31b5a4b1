"""A request that a budget stops while it is under way, or before it begins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.observe.money import book as price_book
from tests.support.call import Held, hear_captions
from tests.support.stages import FakeStt
from tests.support.workers import make_workers
from voicepipe.config.budget import Step
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Pcm, Transcript
from voicepipe.core.records import BudgetExceeded, ProviderAttempt, ProviderSwitched, TurnBegan
from voicepipe.observe.budget_book import Account
from voicepipe.providers.base import Hypothesis
from voicepipe.runtime.budget import Budget
from voicepipe.runtime.lineup import Lineup
from voicepipe.runtime.spender import Spender
from voicepipe.speech.pricing import PICO
from voicepipe.stages.base import Agent, ProviderSlotConfig
from voicepipe.stages.stt import Stt

PRICES = """
stages: {vad: energy, stt: sim, llm: sim, tts: sim}
cost:
  prices:
    dear: {audio_minute: 0.40}
    cheap: {audio_minute: 0.04}
    fake-llm: {request: 0}
    fake-tts: {request: 0}
"""
"""A slice of 15 seconds costs ten cents, or one."""


class Metered(FakeStt):
    """Hears the captions, and tells what it was sent."""

    def __init__(self, name: str) -> None:
        super().__init__(self._hear, captions=True)
        self.name = name  # type: ignore[misc]  # one class for both
        self.sent_ms: list[int] = []

    async def _hear(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        self.sent_ms.append(0)

        async def counted() -> AsyncIterator[Pcm]:
            async for block in audio:
                self.sent_ms[-1] += block.size * 1000 // self.rate
                yield block

        try:
            async for hypothesis in hear_captions(call, counted()):
                yield hypothesis
        finally:
            call.set_usage("audio_in_ms", self.sent_ms[-1])


class Spoken:
    """A call of a caller who says one thing, for ``seconds``."""

    def __init__(self, folder: Path, cents: int, *steps: Step) -> None:
        self.dear, self.cheap = Metered("dear"), Metered("cheap")
        stage = Stt(ProviderSlotConfig(), self.dear, Agent())
        self.held = Held(["Right."], ["Again."], stages={"stt": stage})
        session, clock = self.held.session, self.held.session.clock
        cheap = Lineup([self.cheap], clock=clock)
        self.budget = Budget(
            price_book(folder, PRICES),
            limits=[Account("session", cents * PICO // 100)],
            shared=None,
            alert_at=10_000,
            clock=clock,
            workers=make_workers(),
            record=session.record,
        )
        session.observe(self.budget)
        session.limit(
            Spender(
                self.budget,
                steps,
                {"cheap": {"stt": cheap}},
                clock=clock,
                record=session.record,
                part=session.part,
            ),
            None,
        )

    async def call(self, seconds: float) -> None:
        await self.held.call(lambda caller: caller.ask("a long story", seconds))

    def of(self, kind: type[Any]) -> list[Any]:
        return self.held.of(kind)


def test_an_utterance_that_becomes_too_dear_is_heard_again_by_the_cheaper_provider(tmp_path: Path) -> None:
    async def main() -> None:
        spoken = Spoken(tmp_path, 15, Step(profile="cheap"))
        await spoken.call(20)
        assert [one.text for one in spoken.of(Transcript) if one.final] == ["a long story"]
        assert [one.user for one in spoken.of(TurnBegan)] == ["a long story"]
        assert spoken.dear.sent_ms[0] <= 15_000
        assert spoken.cheap.sent_ms[0] > 20_000
        (switched,) = spoken.of(ProviderSwitched)
        assert (switched.slot, switched.provider) == ("stt", "cheap")
        assert [(one.provider, one.status) for one in spoken.of(ProviderAttempt) if one.slot == "stt"] == [
            ("dear", "failed"),
            ("cheap", "ok"),
        ]

    run_on("simulated", main())


def test_no_audio_is_sent_that_was_not_held_back(tmp_path: Path) -> None:
    async def main() -> None:
        spoken = Spoken(tmp_path, 15)
        await spoken.call(40)
        used = [one for attempt in spoken.of(ProviderAttempt) for one in attempt.usage]
        assert 0 < sum(one.amount for one in used if one.unit == "audio_in_ms") <= 15_000
        assert spoken.budget.spent <= 15 * PICO // 100
        (told,) = spoken.of(BudgetExceeded)
        assert (told.slot, told.turn, told.action) == ("stt", None, "hang_up")
        assert spoken.held.session.clock.now() < 17 * 10**9

    run_on("simulated", main())


def test_what_was_held_back_and_not_used_is_free_for_the_next(tmp_path: Path) -> None:
    async def main() -> None:
        spoken = Spoken(tmp_path, 13)

        async def twice(caller: Any) -> None:
            await caller.ask("one", 2)
            await caller.ask("two", 2)

        await spoken.held.call(twice)
        assert [one.user for one in spoken.of(TurnBegan)] == ["one", "two"]
        assert spoken.of(BudgetExceeded) == []

    run_on("simulated", main())


def test_nothing_stays_held_back_for_a_request_that_could_not_even_begin(tmp_path: Path) -> None:
    class Broken(RuntimeError):
        """Of a provider's own code, before it gives anything to be read from."""

    async def main() -> None:
        spoken = Spoken(tmp_path, 15)

        def broken(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
            raise Broken

        spoken.dear.transcribe = broken  # type: ignore[method-assign]  # one that is no generator
        with pytest.raises(Broken):
            await spoken.call(2)
        await spoken.budget.hold(15 * PICO // 100)  # all of it is free again

    run_on("simulated", main())
