from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from voicepipe.observe.forecast import Forecast, forecast
from voicepipe.observe.ledger import CallCost
from voicepipe.speech.pricing import PICO

MINUTE = 60_000
CENT = PICO // 100


def month(*calls: CallCost, a_day: int = 400, minutes: int = 4) -> Forecast:
    found = forecast(calls, calls_per_day=Fraction(a_day), minutes=Fraction(minutes))
    assert found is not None
    return found


def test_a_month_is_the_price_of_a_minute_times_its_minutes() -> None:
    found = month(CallCost(MINUTE, CENT, True), CallCost(3 * MINUTE, 3 * CENT, True))
    assert (found.a_minute, found.a_call) == (CENT, 4 * CENT)
    assert found.a_month == found.low == found.high == 400 * 4 * CENT * 36525 // 1200


def test_long_calls_count_for_what_they_are() -> None:
    found = month(CallCost(MINUTE, 10 * CENT, True), CallCost(9 * MINUTE, 10 * CENT, True))
    assert found.a_minute == 2 * CENT


def test_calls_that_differ_spread_the_forecast() -> None:
    calls = [CallCost(MINUTE, cents * CENT, True) for cents in (1, 2, 3, 4)]
    found = month(*calls)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.a_month < found.high


def test_more_calls_of_the_same_kind_narrow_it() -> None:
    calls = [CallCost(MINUTE, cents * CENT, True) for cents in (1, 2, 3, 4)]
    few, many = month(*calls), month(*calls * 25)
    assert few.a_month == many.a_month
    assert few.low is not None
    assert few.high is not None
    assert many.low is not None
    assert many.high is not None
    assert many.high - many.low < (few.high - few.low) / 3


def test_one_call_tells_nothing_of_the_spread() -> None:
    found = month(CallCost(MINUTE, CENT, True))
    assert (found.calls, found.low, found.high) == (1, None, None)


def test_calls_without_a_price_are_left_out_and_not_free() -> None:
    found = month(CallCost(MINUTE, CENT, True), CallCost(MINUTE, 0, False))
    assert (found.calls, found.left_out, found.a_minute) == (1, 1, CENT)


def test_without_any_priced_call_there_is_no_forecast() -> None:
    one = Fraction(1)
    assert forecast([CallCost(MINUTE, 0, False)], calls_per_day=one, minutes=one) is None
    assert forecast([], calls_per_day=one, minutes=one) is None


def test_the_answer_is_the_same_each_time() -> None:
    calls = [CallCost(MINUTE, cents * CENT, True) for cents in range(9)]
    assert month(*calls) == month(*calls)


CALLS = st.lists(
    st.builds(CallCost, st.integers(1, 10 * MINUTE), st.integers(0, PICO), st.just(True)),
    min_size=2,
    max_size=6,
)


@given(CALLS)
def test_the_spread_lies_between_the_cheapest_call_and_the_dearest(calls: list[CallCost]) -> None:
    found = month(*calls, a_day=1, minutes=1)
    rates = [Fraction(call.cost * MINUTE, call.duration_ms) * 36525 / 1200 for call in calls]
    assert found.low is not None
    assert found.high is not None
    assert min(rates) - 1 <= found.low <= found.high <= max(rates) + 1
