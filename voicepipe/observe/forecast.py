"""What a month will cost, from calls that were measured. Pure: the same answer each time.

The estimate is the money of all calls over their minutes, times the minutes to come: long calls count for
what they are. How far it may be off is found by drawing as many calls as there are, with replacement, a
thousand times (the bootstrap of Efron, 1979): 95 % of the estimates so found lie within ``low`` and ``high``.
That covers the chance in which calls were measured, not a change of prices or of what callers want.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from voicepipe.observe.ledger import CallCost

DAYS_A_MONTH = Fraction(36525, 1200)
"""Of the mean year."""

MINUTE_MS = 60_000
DRAWS = 1000
FEW = 20
"""Calls: below that, intervals found this way are known to be too narrow."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Money in picodollars. ``low`` and ``high`` are None if there is but one call."""

    calls: int
    left_out: int
    """Calls in which something has no price."""
    a_minute: int
    a_call: int
    a_month: int
    low: int | None
    high: int | None


def forecast(calls: Sequence[CallCost], *, calls_per_day: Fraction, minutes: Fraction) -> Forecast | None:
    """A month of ``calls_per_day`` of ``minutes`` each; None if no call is wholly priced."""
    known = [call for call in calls if call.priced]
    if not known:
        return None
    a_minute = _a_minute(known)
    months = DAYS_A_MONTH * calls_per_day * minutes
    low = high = None
    if len(known) > 1:
        draw = random.Random(len(known))  # noqa: S311 - no secret; seeded, for the same answer each time
        drawn = sorted(_a_minute(draw.choices(known, k=len(known))) for _ in range(DRAWS))
        low, high = (round(drawn[at] * months) for at in (DRAWS // 40, DRAWS - 1 - DRAWS // 40))
    return Forecast(
        calls=len(known),
        left_out=len(calls) - len(known),
        a_minute=round(a_minute),
        a_call=round(a_minute * minutes),
        a_month=round(a_minute * months),
        low=low,
        high=high,
    )


def _a_minute(calls: Sequence[CallCost]) -> Fraction:
    cost, time_ms = sum(call.cost for call in calls), sum(call.duration_ms for call in calls)
    return Fraction(cost * MINUTE_MS, time_ms)
