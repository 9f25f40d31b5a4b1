from __future__ import annotations

from typing import Any

import pytest

from tests.support.comparisons import call, item
from tests.support.plans import conversations, variant
from voicepipe.compare.limit import Limit
from voicepipe.compare.plan import Run
from voicepipe.speech.pricing import PICO


def run(clock: Any = "real", name: str = "default", **others: Any) -> Run:
    return Run(
        variant(name, clock=clock, **others), conversations(names=["the time comes from the tool"])[0], 0
    )


def spent(usd: float, **others: Any) -> Any:
    return call(items=[item(usd=usd, **others)])


def test_without_a_limit_nothing_is_forbidden() -> None:
    limit = Limit(None)
    limit.note(run(), spent(1000))
    assert limit.forbids(run()) is None
    assert limit.spent == 1000 * PICO


def test_a_call_is_held_only_if_one_as_dear_as_the_dearest_so_far_fits() -> None:
    limit = Limit(PICO)
    for cost in (0.3, 0.4):
        assert limit.forbids(run()) is None
        limit.note(run(), spent(cost))
    assert limit.forbids(run()) == (
        "0.7 of 1 USD were spent, and the next call on 'default' may cost 0.4 USD"
    )


def test_of_a_variant_that_was_not_held_yet_the_estimate_counts() -> None:
    limit = Limit(PICO, lambda run: 2 * PICO if run.variant.name == "dear" else PICO // 2)
    assert limit.forbids(run()) is None
    assert "may cost 2 USD" in str(limit.forbids(run(name="dear")))


def test_an_estimate_that_was_too_low_gives_way_to_what_was_measured() -> None:
    limit = Limit(PICO, lambda run: PICO // 100)
    limit.note(run(), spent(0.6))
    assert "may cost 0.6 USD" in str(limit.forbids(run()))


def test_the_money_is_gone_when_it_is_gone_even_if_nothing_is_known_of_the_next_call() -> None:
    limit = Limit(PICO)
    limit.note(run(), spent(1))
    assert limit.forbids(run(name="other")) is not None


@pytest.mark.parametrize(
    "free", [{"clock": "simulated"}, {"clock": "charged"}, {"clock": "real", "server": "realtime"}]
)
def test_what_nobody_sends_a_bill_for_is_not_counted(free: Any) -> None:
    limit = Limit(PICO)
    limit.note(run(**free), spent(5))
    assert limit.spent == 0
    limit.note(run(), spent(1))
    assert limit.forbids(run(**free)) is None


def test_without_a_price_no_limit_can_be_kept() -> None:
    limit = Limit(PICO)
    limit.note(run(), spent(0, unpriced=5))
    assert limit.forbids(run()) == "openai/gpt-6-luna has no price, so that 1 USD can't be kept"


def test_the_time_of_this_machine_needs_no_price() -> None:
    limit = Limit(PICO)
    limit.note(run(), spent(0, unpriced=5, unit="machine_ms"))
    assert limit.forbids(run()) is None


def test_what_is_left_is_what_a_call_may_cost_and_more_ends_all() -> None:
    limit = Limit(PICO)
    assert limit.left(run()) == PICO
    limit.note(run(), spent(0.75))
    assert limit.left(run()) == PICO // 4
    assert limit.left(run("charged")) is None
    assert Limit(None).left(run()) is None
    assert limit.exceeded(run()) is None
    limit.note(run(), spent(0.5))
    assert limit.left(run()) == 0
    assert limit.exceeded(run()) == "1.25 USD were spent of 1, in a call on 'default'"


def test_what_was_lost_on_calls_that_broke_off_is_spent() -> None:
    limit = Limit(PICO)
    limit.lose(run(), PICO // 2)
    limit.lose(run("simulated"), PICO)
    assert limit.left(run()) == PICO // 2
