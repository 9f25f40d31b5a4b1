from __future__ import annotations

from fractions import Fraction

from tests.support.comparisons import call, comparison, item, turn
from voicepipe.compare.figures import figures_of
from voicepipe.compare.intervals import Estimate
from voicepipe.compare.whatif import a_month, what_if
from voicepipe.core.units import SECOND
from voicepipe.speech.pricing import PICO


def test_a_month_is_as_many_minutes_as_the_mean_months_days_have() -> None:
    found = a_month(Estimate(PICO, PICO // 2, None), calls_per_day=Fraction(400), minutes=Fraction(4))
    assert found == Estimate(48_700 * PICO, 24_350 * PICO, None)


def test_each_variant_has_its_month_unless_it_is_not_priced() -> None:
    calls = [
        call("a", items=[item(usd=0.01)], duration_ns=60 * SECOND),
        call("b", turns=[turn(1, 400)], items=[item(unpriced=1)]),
    ]
    months = what_if(figures_of(comparison(calls)), calls_per_day=Fraction(1), minutes=Fraction(1))
    assert months == {"a": Estimate(30_4375 * PICO // 10**6, None, None), "b": None}
