"""The phrases that a verdict is made of, and how it writes quantities."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction

from voicepipe.compare.intervals import ENOUGH, Estimate, Ratio, Share, Told
from voicepipe.compare.latencies import StageShare
from voicepipe.core.units import MS
from voicepipe.speech.pricing import PICO

_THREE_DIGITS = Context(prec=3)

MOST_OF_IT = Fraction(1, 2)
"""Of a difference: a stage that makes so much of it is named alone."""


# ── quantities ───────────────────────────────────────────────────────────────────────────────────


def ms(nanoseconds: Fraction | int) -> str:
    """``310 ms``, tenths below 10 ms, and seconds from ten of them on: ``12.4 s``. Without a sign."""
    size = abs(Fraction(nanoseconds))
    if size >= 10_000 * MS:
        return f"{float(size / (1000 * MS)):.1f} s"
    return f"{_milliseconds(size)} ms"


def _milliseconds(size: Fraction) -> str:
    """``ms`` without its unit."""
    value = size / MS
    return f"{round(value)}" if value >= Fraction(19, 2) else f"{float(value):.1f}".removesuffix(".0")


def usd(picodollars: Fraction | int) -> str:
    """``0.0123 USD``: three digits that count."""
    value = Fraction(picodollars, PICO)
    if value == 0:
        return "0 USD"
    if value >= 100:
        return f"{round(value)} USD"
    return f"{_digits(value)} USD"


def percent(value: Fraction | float) -> str:
    """``92 %``; below a percent with one digit that counts."""
    hundredth = Fraction(value) * 100
    if hundredth == 0 or abs(hundredth) >= Fraction(19, 20):
        return f"{round(hundredth)} %"
    return f"{Context(prec=1).create_decimal(Decimal(float(hundredth))):f} %"


def _digits(value: Fraction) -> str:
    return f"{_THREE_DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator)):f}"


def share_of(share: Share) -> str:
    """``9 of 10 (90 %)``"""
    return f"{share.part} of {share.whole} ({percent(share.exact)})"


def many(count: int, one: str, more: str | None = None) -> str:
    """``1 call``, ``3 calls``"""
    return f"{count} {one if count == 1 else more or one + 's'}"


def listed(names: Sequence[str]) -> str:
    """``a, b and c``"""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


# ── phrases about a variant held against another ─────────────────────────────────────────────────


def latency_phrase(median: Estimate | None, told: Told, against: str, scripts: int, clock: str) -> str:
    """``answers 310 ms sooner than default at the median (95 %: 250 to 360 ms, charged clock)``"""
    if median is None or told == "unknown":
        return f"can't be held against {against} in latency: both need turns that were spoken and answered"
    way = _way(median.value)
    if told == "same":
        verb = "answered" if scripts < ENOUGH else "answers"
        return f"{verb} exactly as fast as {against} at the median ({clock} clock)"
    if told == "few":
        amount = f"{ms(median.value)} {way} than {against}" if median.value else f"as fast as {against}"
        return f"answered {amount} at the median of {many(scripts, 'call script')} ({clock} clock)"
    low, high = median.low or 0, median.high or 0
    if told == "unclear":
        span = f"95 %: {_signed(low)} to {_signed(high)}, {clock} clock"
        return (
            f"can't be told apart from {against} in latency ({_signed(median.value)} at the median; {span})"
        )
    least, most = sorted((abs(low), abs(high)))
    span = (
        f"{_milliseconds(Fraction(least))} to {ms(most)}"
        if most < 10_000 * MS
        else f"{ms(least)} to {ms(most)}"
    )
    return f"answers {ms(median.value)} {way} than {against} at the median (95 %: {span}, {clock} clock)"


def _signed(nanoseconds: int) -> str:
    if nanoseconds == 0:
        return "no difference"
    return f"{ms(nanoseconds)} {_way(nanoseconds)}"


def _way(nanoseconds: Fraction | int) -> str:
    return "sooner" if nanoseconds < 0 else "later"


def cost_phrase(ratio: Ratio | None, a_call: Estimate | None, told: Told, *, few: bool = False) -> str | None:
    """``costs 2.3 times as much``; ``a_call`` is the difference, ``ratio`` None where the other is free.

    ``few``: there are too few call scripts to say more than what these calls cost.

    None if it isn't known what either of them costs.
    """
    if a_call is None or told == "unknown":
        return None
    verb = "cost" if few or told == "few" else "costs"
    if told == "unclear":
        return "can't be told apart from it in cost"
    if a_call.value == 0:
        return f"{verb} the same"
    if ratio is None:
        return f"{verb} {usd(a_call.value)} a call, where the other is free"
    return f"{verb} {times(ratio.value)}"


def times(ratio: Fraction) -> str:
    """``2.3 times as much``, ``12 % more``, ``40 % less``, ``nothing``"""
    if ratio == 0:
        return "nothing"
    if ratio >= Fraction(3, 2):
        return f"{_times(ratio)} times as much"
    return f"{percent(abs(ratio - 1))} {'more' if ratio > 1 else 'less'}"


def _times(ratio: Fraction) -> str:
    return f"{round(ratio)}" if ratio >= 20 else f"{float(ratio):.1f}".removesuffix(".0")


def stages_phrase(stages: Sequence[StageShare], median: Estimate) -> str | None:
    """``92 % of the difference is TTS first audio``; None if the means don't differ as the medians do."""
    total = sum((stage.difference_ns for stage in stages), Fraction(0))
    if not stages or total == 0 or (total < 0) != (median.value < 0):
        return None
    first = stages[0]
    if first.share is None or first.share < 0:
        return None
    if first.share > 1:
        back = [stage.label for stage in stages[1:] if stage.share is not None and stage.share < 0][:2]
        alone = f"{first.label} alone is {ms(first.difference_ns)} {_way(first.difference_ns)}"
        if abs(first.difference_ns) <= abs(median.value):  # by the means, that is: no part of the median's
            alone = f"on average {alone}"
        return f"{alone}, of which {listed(back)} {'takes' if len(back) == 1 else 'take'} some back"
    named = [stage for stage in stages if stage.share is not None and stage.share > 0][:1]
    if first.share < MOST_OF_IT:
        named = [stage for stage in stages if stage.share is not None and stage.share > 0][:2]
    parts = [
        f"{percent(stage.share or 0)} {'of the difference ' if at == 0 else ''}is {stage.label}"
        for at, stage in enumerate(named)
    ]
    return listed(parts)


def success_phrase(
    variant: str, against: str, ours: Share, theirs: Share, p: float, told: Told
) -> str | None:
    """None where both reached the same in all of their calls."""
    both = f"reached what was expected in {share_of(ours)} of its calls, {against} in {share_of(theirs)}"
    if told == "less":
        return f"{variant} {both}: significantly fewer ({chance(p)}), so it is not the better one"
    if told == "more":
        return f"{variant} {both}: significantly more ({chance(p)})"
    return None if told == "same" else f"{variant} {both}, which may be chance ({chance(p)})"


def chance(p: float) -> str:
    """``p = 0.031``"""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}".rstrip("0").rstrip(".")
