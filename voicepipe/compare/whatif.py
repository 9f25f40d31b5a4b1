"""What a month would cost on each variant: calls a day × minutes → money, with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from voicepipe.compare.figures import Figures
from voicepipe.compare.intervals import Estimate
from voicepipe.observe.forecast import DAYS_A_MONTH


def a_month(per_minute: Estimate | None, *, calls_per_day: Fraction, minutes: Fraction) -> Estimate | None:
    """Picodollars for a month of ``calls_per_day`` of ``minutes`` each; None if a minute isn't priced.

    As ``voicepipe costs forecast``: the money of all calls over their minutes, times the minutes to come.
    """
    if per_minute is None:
        return None
    months = DAYS_A_MONTH * calls_per_day * minutes
    low, high = (None if one is None else round(one * months) for one in (per_minute.low, per_minute.high))
    return Estimate(round(per_minute.value * months), low, high)


def what_if(figures: Figures, *, calls_per_day: Fraction, minutes: Fraction) -> Mapping[str, Estimate | None]:
    """Variant → what a month of such calls would cost on it."""
    return {
        one.name: a_month(one.cost.per_minute, calls_per_day=calls_per_day, minutes=minutes)
        for one in figures.variants
    }
