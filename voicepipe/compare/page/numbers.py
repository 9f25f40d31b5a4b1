"""Figures as people read them: few digits, units, and the interval beside the value."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from voicepipe.compare.intervals import Estimate, Share
from voicepipe.compare.page.html import Html, join, tag
from voicepipe.core.units import MS, SECOND
from voicepipe.speech.pricing import usd

_UNIT = re.compile(r"(?<=\d) (?=%|(?:ms|s|USD)\b)")

NOTHING = "–"
"""For what isn't known or didn't happen; never 0."""


def ms(nanoseconds: int | Fraction) -> str:
    """Milliseconds without their unit; tenths where they matter."""
    value = float(nanoseconds) / MS
    return f"{value:.1f}" if 0 < abs(value) < 10 else f"{value:,.0f}"


def took(nanoseconds: int | Fraction) -> str:
    """``812 ms``, ``74 s``"""
    return f"{float(nanoseconds) / SECOND:.0f} s" if nanoseconds >= 60 * SECOND else f"{ms(nanoseconds)} ms"


def moment(seconds: float) -> str:
    """``1:02.4``: a place in a recording."""
    tenths = round(max(seconds, 0) * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"


def money(picodollars: int) -> str:
    """Dollars without their sign: cents from one dollar on, else three digits that count, or two of next to
    nothing."""
    exact = usd(picodollars)
    if exact == 0 or abs(exact) >= 1:
        return f"{exact:,.2f}"
    digits = 3 if exact.adjusted() >= -3 else 2
    return f"{exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1)):f}"


def percent(share: float) -> str:
    value = share * 100
    return f"{value:.0f} %" if value in (0, 100) or value >= 10 else f"{value:.1f} %"


def estimated(estimate: Estimate | None, show: Callable[[int], str]) -> Html:
    """The value, and its interval below it in small."""
    if estimate is None:
        return Html(NOTHING)
    span = None
    if estimate.low is not None and estimate.high is not None:
        span = tag("small", f"{show(estimate.low)}–{show(estimate.high)}")
    return join(show(estimate.value), span)


def shared(share: Share | None) -> Html:
    """The share in percent, of how many it is, and its interval."""
    if share is None:
        return Html(NOTHING)
    span = ""
    if share.low is not None and share.high is not None:
        span = f", {share.low * 100:.0f}–{share.high * 100:.0f} %"
    return join(percent(share.value), tag("small", f"{share.part:,}/{share.whole:,}{span}"))


def times(part: int, whole: int) -> str:
    """``3 of 4``, or that there was nothing."""
    return f"{part} of {whole}" if whole else NOTHING


def unbroken(sentence: str) -> str:
    """No line ends between a figure and its unit."""
    return _UNIT.sub("\u00a0", sentence)


def shortened(text: str, most: int) -> str:
    """At most so many characters, the last one an ellipsis if there were more."""
    return text if len(text) <= most else text[: most - 1] + "…"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
