"""What a month would cost on each variant: calls a day × minutes → money, with its interval."""

from __future__ import annotations

from fractions import Fraction

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
