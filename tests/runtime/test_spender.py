from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.observe.money import book as price_book
from tests.support.lineups import Scripted
from tests.support.workers import make_workers
from voicepipe.config.budget import Step
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.records import BudgetExceeded
from voicepipe.core.units import SECOND
from voicepipe.errors import BudgetError
from voicepipe.observe.budget_book import Account
from voicepipe.runtime.budget import Budget, Ticket
from voicepipe.runtime.lineup import Lineup
from voicepipe.runtime.spender import Spender
from voicepipe.speech.budget import Asks
from voicepipe.speech.pricing import PICO

PRICES = """
stages: {vad: energy, stt: sim, llm: sim, tts: sim}
cost: {prices: {dear: {request: 1}, cheap: {request: 0.1}, free: {request: 0}}}
"""
CHEAP, FREE = Step(profile="cheap"), Step(profile="free")
BYE, HANG_UP, DENY = Step(say="Bye."), Step(end="hang_up"), Step(end="deny")


class Bench:
    """A call that may cost ``limit`` cents, whose model has a cheap and a free profile."""

    def __init__(self, folder: Path, steps: Sequence[Step], limit: int) -> None:
        self.clock = Clock()
        self.records: list[Any] = []
        self.parted: list[str] = []
        self.lineups = {
            name: Lineup([Scripted(name)], clock=self.clock) for name in ("dear", "cheap", "free")
        }
        budget = Budget(
            price_book(folder, PRICES),
            limits=[Account("session", limit * PICO // 100)],
            shared=None,
            alert_at=10_000,
            clock=self.clock,
            workers=make_workers(),
            record=self.records.append,
        )
        self.spender = Spender(
            budget,
            steps,
            {name: {"llm": self.lineups[name]} for name in ("cheap", "free")},
            clock=self.clock,
            record=self.records.append,
            part=self.parted.append,
        )

    async def ask(self, whom: str = "dear", slot: str = "llm") -> str:
        """Who is admitted, after whom one was sent to."""
        lineup = self.lineups[whom]
        while True:
            found = await self.spender.admit(slot, 1, lineup, 0, total_ns=SECOND, asks=Asks(writes=True))
            if isinstance(found, Ticket):
                return lineup.label(0)
            lineup = found

    @property
    def actions(self) -> list[str]:
        return [record.action for record in self.records if isinstance(record, BudgetExceeded)]


def on(folder: Path, steps: Sequence[Step], limit: int, main: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        await main(Bench(folder, steps, limit))

    run_on("simulated", run())


def test_within_the_budget_everybody_is_admitted(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        assert await bench.ask() == "dear"
        assert bench.spender.lineup("llm") is None
        assert bench.records == []

    on(tmp_path, [CHEAP], 100, main)


def test_at_the_limit_the_cheaper_profile_is_asked_until_it_meets_the_limit_too(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        assert [await bench.ask(), await bench.ask(), await bench.ask("cheap")] == ["dear", "cheap", "cheap"]
        with pytest.raises(BudgetError):
            await bench.ask("cheap")
        assert bench.actions == ["profile cheap", "hang_up"]
        assert bench.parted == ["the budget (session) is spent"]

    on(tmp_path, [CHEAP, HANG_UP], 120, main)


def test_one_profile_comes_after_the_other(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        assert await bench.ask() == "free"
        assert bench.actions == ["profile cheap", "profile free"]
        assert bench.parted == []

    on(tmp_path, [CHEAP, FREE, HANG_UP], 5, main)


@pytest.mark.parametrize(
    ("steps", "action"),
    [
        ([BYE, HANG_UP], "hang_up"),
        ([BYE], "hang_up"),
        ([BYE, DENY], "deny"),
        ([DENY], "deny"),
        ([], "hang_up"),
    ],
)
def test_the_call_ends_at_the_limit_in_any_case(tmp_path: Path, steps: Sequence[Step], action: str) -> None:
    async def main(bench: Bench) -> None:
        with pytest.raises(BudgetError, match="is spent"):
            await bench.ask()
        assert bench.actions == [action]
        with pytest.raises(BudgetError):
            await bench.ask("free")
        assert len(bench.parted) == 1

    on(tmp_path, steps, 5, main)


def test_a_slot_that_the_profile_leaves_as_it_is_goes_on_if_it_may(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        with pytest.raises(BudgetError):
            await bench.ask(slot="tts")
        assert bench.actions == ["profile cheap", "hang_up"]

    on(tmp_path, [CHEAP], 50, main)


def test_two_slots_that_are_refused_at_once_take_one_step(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        spender, dear = bench.spender, bench.lineups["dear"]
        steps = spender.steps
        refused = BudgetError("no", budget="session", limit="1 USD")
        assert spender.instead(refused, "llm", 1, dear, steps) is bench.lineups["cheap"]
        assert spender.instead(refused, "tts", 1, dear, steps) is dear
        assert bench.actions == ["profile cheap"]

    on(tmp_path, [CHEAP], 50, main)


def test_a_profile_that_could_not_be_prepared_is_passed_over(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        assert await bench.ask() == "cheap"

    on(tmp_path, [Step(profile="other"), CHEAP], 50, main)


def test_what_the_call_can_do_without_takes_no_step(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        provider = bench.lineups["dear"].providers[0]
        with pytest.raises(BudgetError):
            await bench.spender.reserve("llm", provider, Asks(), total_ns=SECOND)
        assert bench.actions == []

    on(tmp_path, [CHEAP], 50, main)


def test_it_runs_beside_the_call_until_it_is_cancelled(tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        task = asyncio.ensure_future(bench.spender.run())
        await bench.clock.sleep(3600 * SECOND)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])

    on(tmp_path, [CHEAP], 50, main)
