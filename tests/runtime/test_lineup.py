from __future__ import annotations

import asyncio

import pytest

from tests.support.lineups import Scripted, failure
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.units import SECOND
from voicepipe.providers.base import ProviderConfig
from voicepipe.runtime.lineup import REPLACEABLE, Lineup
from voicepipe.stages.base import Deadlines


class WithModel(ProviderConfig):
    model: str = "big"


def two(**settings: object) -> Lineup:
    return Lineup([Scripted("a"), Scripted("b")], clock=Clock(), **settings)  # type: ignore[arg-type]


def test_a_provider_is_called_as_the_file_names_it() -> None:
    async def main() -> None:
        lineup = two()
        assert lineup.label(0) == "a"
        lineup.providers[1].config = WithModel()
        assert lineup.label(1) == "b/big"

    run_on("simulated", main())


def test_one_that_can_be_replaced_is_waited_for_less_long_unless_the_file_says_how_long() -> None:
    async def main() -> None:
        replaceable = two().deadlines(alternative=True)
        assert (replaceable.first, replaceable.gap) == (REPLACEABLE, REPLACEABLE)
        assert two().deadlines(alternative=False).first == 10 * SECOND
        own = Deadlines.model_validate({"first": "5s", "gap": "2s"})
        assert two(deadlines=own).deadlines(alternative=True) == own
        last = two(deadlines=own).deadlines(alternative=False)
        assert (last.first, last.gap) == (10 * SECOND, 2 * SECOND), "a late answer is better than none"
        alone = Lineup([Scripted("a")], clock=Clock(), deadlines=own)
        assert alone.deadlines(alternative=False) == own
        shorter = Deadlines.model_construct(first=SECOND, gap=SECOND, total=SECOND, _fields_set=set())
        assert two(deadlines=shorter).deadlines(alternative=True).first == SECOND

    run_on("simulated", main())


@pytest.mark.parametrize(
    ("kind", "blamed"), [("server", True), ("authentication", True), ("bad_request", False)]
)
def test_a_failure_is_the_provider_s_unless_the_request_was_wrong(kind: str, blamed: bool) -> None:
    async def main() -> None:
        lineup = two()
        lineup.fail(0, failure(kind))  # type: ignore[arg-type]
        assert lineup.can_answer(0) != blamed
        assert lineup.order() == ((1, 0) if blamed else (0, 1))

    run_on("simulated", main())


def test_whoever_has_subscribed_hears_of_failures_and_of_recoveries_and_of_nothing_else() -> None:
    async def main() -> None:
        lineup, news = two(), asyncio.Event()
        lineup.subscribe(news)
        lineup.restore(0)
        assert not news.is_set()
        lineup.fail(0, failure())
        assert news.is_set()
        news.clear()
        lineup.restore(0)
        assert news.is_set()
        news.clear()
        lineup.unsubscribe(news)
        lineup.fail(0, failure())
        assert not news.is_set()

    run_on("simulated", main())


def test_on_a_virtual_clock_chance_is_the_same_each_time() -> None:
    async def main() -> int | None:
        lineup = two(seed="llm")
        return lineup.retries.wait_ns(failure("connection"), tries=2, took_ns=0, alternative=False)

    async def real() -> Lineup:
        return two()

    assert run_on("simulated", main()) == run_on("simulated", main())
    assert run_on("real", real()).retries.left == 10
