from __future__ import annotations

from fractions import Fraction

from voicepipe.compare.intervals import Estimate
from voicepipe.compare.whatif import a_month
from voicepipe.speech.pricing import PICO


def test_a_month_is_as_many_minutes_as_the_mean_months_days_have() -> None:
    found = a_month(Estimate(PICO, PICO // 2, None), calls_per_day=Fraction(400), minutes=Fraction(4))
    assert found == Estimate(48_700 * PICO, 24_350 * PICO, None)


def test_a_minute_without_a_price_makes_a_month_without_one() -> None:
    assert a_month(None, calls_per_day=Fraction(1), minutes=Fraction(1)) is None
