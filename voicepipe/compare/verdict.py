"""What a comparison comes to, in words."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from voicepipe.compare.intervals import Estimate
from voicepipe.observe.timeline import Step

Told = Literal["less", "more", "same", "unclear", "unknown"]
"""``unclear``: the two can't be told apart. ``unknown``: at least one of them wasn't measured."""


@dataclass(frozen=True, slots=True)
class StageShare:
    """``step`` makes ``difference_ns`` of the difference of the means, which is ``share`` of it.

    Shares of a contrast sum to 1; one may be negative, or above 1 where others go the other way.
    """

    step: Step
    label: str
    difference_ns: Fraction
    share: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as much, with 95 % from ``low`` to ``high``; both None if that can't be told."""

    value: Fraction
    low: Fraction | None
    high: Fraction | None


@dataclass(frozen=True, slots=True)
class Contrast:
    """``variant`` held against ``against``, over the calls that both held.

    ``median`` is the difference of the medians of voice to voice, negative if ``variant`` answers sooner,
    and ``latency`` what that comes to; ``cost`` is the ratio of the money for them, ``money`` likewise.
    ``success`` is the difference of the shares, ``p`` the test's, ``succeeds`` what it comes to.
    """

    variant: str
    against: str
    scripts: int
    calls: int
    median: Estimate | None
    latency: Told
    stages: tuple[StageShare, ...]
    cost: Ratio | None
    money: Told
    success: Fraction | None
    p: float | None
    succeeds: Told
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """``sentences`` first: the whole verdict, to be read in their order.

    ``best`` is the variant that they name as the better one, if there is one. ``front``: variants that no
    other one beats in latency and cost at once. ``cautions`` are what to keep in mind.
    """

    sentences: tuple[str, ...]
    cautions: tuple[str, ...]
    contrasts: tuple[Contrast, ...]
    best: str | None
    front: tuple[str, ...]
