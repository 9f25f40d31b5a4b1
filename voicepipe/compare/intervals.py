"""How far a figure may be off by the chance in which calls were held: bootstrap intervals by call script.

The turns of one call aren't independent of each other, and neither are the repetitions of one script. So what
is drawn, with replacement, is scripts, each with all that was measured of it; an interval holds 95 % of what
the figure is in a thousand such draws (the percentile bootstrap of Efron, 1979). It covers the choice of the
scripts, not a change of the network or of the machine from one day to another.

All draws are seeded: the same measurements make the same intervals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voicepipe.observe.expectations import percentile
from voicepipe.observe.forecast import DRAWS

ENOUGH = 6
"""Call scripts. With fewer no exact test can tell a difference from chance at 95 %: that all of five point in
one direction happens in 2 of 32 cases without any difference."""

Z = 1.959963984540054
"""The normal distribution's quantile at 97.5 %."""

_EXACT = 12
"""Scripts: up to so many all choices of signs are counted, 4096; above that as many are drawn."""

_FINEST = 10**9
"""Parts of 1: finer differences are rounded to it, so that their sums are small integers."""

_CELLS = 4_000_000
"""Of one block of draws × values: 32 MB of integers."""

Counts = NDArray[np.int64]
"""``[draw, unit]``: how often a unit is in a draw."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """``value`` in nanoseconds or picodollars, with 95 % from ``low`` to ``high``.

    Both are None if there is but one call script. They are equal where each script gave the same value:
    then there is no chance in the figure but for calls that weren't held.
    """

    value: int
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Share:
    """``part`` of ``whole``, with 95 % from ``low`` to ``high``; both None if there is but one script."""

    part: int
    whole: int
    low: float | None
    high: float | None

    @property
    def value(self) -> float:
        return self.part / self.whole

    @property
    def exact(self) -> Fraction:
        return Fraction(self.part, self.whole)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as much, with 95 % from ``low`` to ``high``; both None if that can't be told."""

    value: Fraction
    low: Fraction | None
    high: Fraction | None


Told = Literal["less", "more", "same", "unclear", "few", "unknown"]
"""What a difference comes to. ``same``: there is none in any call. ``unclear``: it may be chance. ``few``: it
was measured over fewer than ``ENOUGH`` scripts. ``unknown``: it wasn't measured."""


def told(difference: Estimate | None, scripts: int) -> Told:
    """Whether ``difference`` counts: its interval doesn't hold 0, and it is over enough call scripts."""
    if difference is None:
        return "unknown"
    if difference.value == difference.low == difference.high == 0:
        return "same"
    if scripts < ENOUGH or difference.low is None or difference.high is None:
        return "few"
    if difference.low > 0:
        return "more"
    return "less" if difference.high < 0 else "unclear"


@lru_cache(maxsize=8)
def draws(units: int, seed: int) -> Counts:
    """``DRAWS`` times as many of ``units`` as there are, with replacement; not to be written to."""
    generator = np.random.default_rng([seed % 2**32, units])
    counts = generator.multinomial(units, np.full(units, 1 / units), size=DRAWS).astype(np.int64)
    counts.flags.writeable = False
    return counts


def bounds(drawn: Sequence[int] | NDArray[np.int64]) -> tuple[int, int]:
    """What 95 % of ``drawn`` lie between."""
    ordered = np.sort(np.asarray(drawn))
    cut = len(ordered) // 40
    return int(ordered[cut]), int(ordered[-1 - cut])


# ── percentiles ──────────────────────────────────────────────────────────────────────────────────


def drawn_percentiles(
    groups: Sequence[Sequence[int]], percents: Sequence[int], counts: Counts
) -> dict[int, NDArray[np.int64]]:
    """Percent → what it is in each draw of ``groups``, the values by unit, none of them empty."""
    values = np.concatenate([np.asarray(group, dtype=np.int64) for group in groups])
    owner = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    order = np.argsort(values, kind="stable")
    values, owner = values[order], owner[order]
    found: dict[int, list[NDArray[np.int64]]] = {percent: [] for percent in percents}
    rows = max(1, _CELLS // len(values))
    for first in range(0, len(counts), rows):
        cumulative = counts[first : first + rows][:, owner].cumsum(axis=1)
        for percent, blocks in found.items():
            rank = np.maximum(1, -(-cumulative[:, -1] * percent // 100))
            blocks.append(values[(cumulative < rank[:, None]).sum(axis=1)])
    return {percent: np.concatenate(blocks) for percent, blocks in found.items()}


def percentile_estimates(
    groups: Sequence[Sequence[int]], percents: Sequence[int], seed: int
) -> dict[int, Estimate]:
    """Percent → the nearest rank of all values with its interval; units without values don't count."""
    groups = [group for group in groups if group]
    pooled = [value for group in groups for value in group]
    if not pooled:
        return {}
    if len(groups) < 2:
        return {percent: Estimate(percentile(pooled, percent), None, None) for percent in percents}
    drawn = drawn_percentiles(groups, percents, draws(len(groups), seed))
    return {percent: Estimate(percentile(pooled, percent), *bounds(drawn[percent])) for percent in percents}


def percentile_difference(
    ours: Sequence[Sequence[int]], theirs: Sequence[Sequence[int]], percent: int, seed: int
) -> Estimate | None:
    """``ours`` less ``theirs``, which have the same units in the same order: both draw the same ones.

    Units in which one of them has no value don't count; None if none is left.
    """
    pairs = [(our, their) for our, their in zip(ours, theirs, strict=True) if our and their]
    if not pairs:
        return None
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    our, their = (percentile([value for group in side for value in group], percent) for side in sides)
    if len(pairs) < 2:
        return Estimate(our - their, None, None)
    counts = draws(len(pairs), seed)
    drawn = [drawn_percentiles(side, [percent], counts)[percent] for side in sides]
    return Estimate(our - their, *bounds(drawn[0] - drawn[1]))


# ── quotients ────────────────────────────────────────────────────────────────────────────────────


def quotient(
    numerators: Sequence[int], denominators: Sequence[int], seed: int
) -> tuple[Fraction, Fraction | None, Fraction | None] | None:
    """All ``numerators`` over all ``denominators``, both by unit, with its interval.

    None if they are over nothing. All three are exact: binary floats only find out which draw a bound is.
    The bounds are None with one unit, or if there are draws over nothing. With few units they lie further
    out than 2.5 %: see ``_expanded``.
    """
    if sum(denominators) <= 0:
        return None
    whole = Fraction(sum(numerators), sum(denominators))
    if len(numerators) < 2:
        return whole, None, None
    counts = draws(len(numerators), seed)
    above, below = (counts @ np.asarray(side, dtype=np.int64) for side in (numerators, denominators))
    if int(below.min()) <= 0:
        return whole, None, None
    order = np.argsort(above / below, kind="stable")
    cut = int(len(order) * _expanded(len(numerators)))
    low, high = (Fraction(int(above[at]), int(below[at])) for at in (order[cut], order[-1 - cut]))
    return whole, low, high


def _expanded(units: int) -> float:
    """The part of the draws that lies beyond either bound of a mean over so many units.

    The draws of few units vary less than their means do, by the square root of (n - 1)/n, and by what
    Student's distribution is wider than the normal one: Hesterberg's expanded percentile interval (2015).
    Without it six units show a difference where there is none in one of seven cases, not in one of twenty.
    """
    freedom = units - 1
    student = (
        Z
        + (Z**3 + Z) / (4 * freedom)
        + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)
        + (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / (384 * freedom**3)
    )
    return NormalDist().cdf(-student * math.sqrt(units / freedom))


# ── shares ───────────────────────────────────────────────────────────────────────────────────────


def wilson(part: int, whole: int, units: int) -> Share:
    """``part`` of ``whole`` calls that are repetitions of ``units`` scripts, by Wilson's interval (1927).

    Its n is ``units``, not ``whole``: repetitions of a script may all end alike, so they are taken for no
    more than one. That is too wide, never too narrow.
    """
    p, n = part / whole, units
    if n < 2:
        return Share(part, whole, None, None)
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return Share(part, whole, min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)))


def sign_flip(differences: Sequence[Fraction], seed: int) -> float:
    """How likely a sum as far from 0 is if each of ``differences`` might as well have had the other sign.

    Fisher's randomisation test for pairs (1935), of both sides: exact for up to 12 differences that aren't 0,
    from 4096 seeded choices of signs above that.
    """
    different = [one for one in differences if one]
    if not different:
        return 1.0
    common = math.lcm(*(one.denominator for one in different))
    exact = common <= _FINEST
    sizes = np.array([round(one * (common if exact else _FINEST)) for one in different], dtype=np.int64)
    as_far = abs(int(sizes.sum())) - (0 if exact else len(sizes))
    if len(sizes) <= _EXACT:
        signs = np.array(list(product((1, -1), repeat=len(sizes))), dtype=np.int64)
        return float(np.mean(np.abs(signs @ sizes) >= as_far))
    tries = 1 << _EXACT
    signs = np.random.default_rng([seed % 2**32, len(sizes)]).choice([1, -1], size=(tries, len(sizes)))
    return (1 + int(np.sum(np.abs(signs @ sizes) >= as_far))) / (tries + 1)
