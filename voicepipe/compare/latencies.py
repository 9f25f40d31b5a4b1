"""How long callers waited, and for what: the figures of one variant, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from voicepipe.compare.intervals import Estimate, percentile_estimates, quotient
from voicepipe.compare.measured import MeasuredCall, MeasuredTurn
from voicepipe.core.clock import ClockName
from voicepipe.observe.timeline import STEPS, Step
from voicepipe.observe.waterfall import LABELS

Percentile = Literal["p50", "p90", "p95", "p99"]

PERCENTILES: tuple[Percentile, ...] = ("p50", "p90", "p95", "p99")

ENOUGH_FOR_P99 = 300
"""Turns. Of fewer, less than three lie above it."""

STAGE_LABELS: Mapping[Step, str] = {step: label.format(llm="LLM") for step, label in LABELS.items()}

Grouped = Mapping[str, Sequence[MeasuredCall]]
"""Call script → what was measured of it."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How a latency is distributed over the turns that have one; ``values_ns`` ascend.

    A percentile is None without turns, and ``p99`` with fewer than 300.
    """

    clock: ClockName
    turns: int
    scripts: int
    p50: Estimate | None
    p90: Estimate | None
    p95: Estimate | None
    p99: Estimate | None
    mean: Estimate | None
    values_ns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StageFigure:
    """What one step took of voice to voice; ``latency`` is over the turns in which it occurred.

    ``mean_ns`` is over all turns that have a voice to voice, and 0 counts where it didn't occur: so the means
    of all steps sum to that of the total, and ``share`` is the part of it that this step is.
    """

    step: Step
    label: str
    latency: Latency
    mean_ns: Fraction
    share: float

    @property
    def p50(self) -> Estimate | None:
        return self.latency.p50

    @property
    def p95(self) -> Estimate | None:
        return self.latency.p95

    @property
    def turns(self) -> int:
        return self.latency.turns


@dataclass(frozen=True, slots=True)
class StageShare:
    """``step`` makes ``difference_ns`` of the difference between the means of two variants.

    ``share`` is the part of it that this is. The shares of all steps sum to 1; one may be negative, or above
    1 where others go the other way. They are None where the means don't differ.
    """

    step: Step
    label: str
    difference_ns: Fraction
    share: Fraction | None


def measured_turns(calls: Sequence[MeasuredCall]) -> list[MeasuredTurn]:
    """Those that have a voice to voice."""
    return [turn for call in calls for turn in call.turns if turn.voice_to_voice_ns is not None]


def spent_ns(turn: MeasuredTurn) -> dict[Step, int]:
    """Step → all that the turn spent on it; only steps that occurred."""
    spent: dict[Step, int] = {}
    for part in turn.waterfall:
        spent[part.step] = spent.get(part.step, 0) + part.duration_ns
    return spent


def latency_of(groups: Sequence[Sequence[int]], clock: ClockName, seed: int) -> Latency:
    """The distribution of ``groups``, the values by call script."""
    groups = [group for group in groups if group]
    values = sorted(value for group in groups for value in group)
    found = percentile_estimates(groups, (50, 90, 95, 99), seed)
    mean = quotient([sum(group) for group in groups], [len(group) for group in groups], seed)
    return Latency(
        clock=clock,
        turns=len(values),
        scripts=len(groups),
        p50=found.get(50),
        p90=found.get(90),
        p95=found.get(95),
        p99=found.get(99) if len(values) >= ENOUGH_FOR_P99 else None,
        mean=None if mean is None else rounded(*mean),
        values_ns=tuple(values),
    )


def voice_to_voice(grouped: Grouped, clock: ClockName, seed: int) -> Latency:
    groups = [
        [turn.voice_to_voice_ns for turn in measured_turns(calls) if turn.voice_to_voice_ns is not None]
        for calls in grouped.values()
    ]
    return latency_of(groups, clock, seed)


def stage_figures(grouped: Grouped, clock: ClockName, seed: int) -> tuple[StageFigure, ...]:
    """One for each step that occurred, in the order of a turn."""
    spent = [[spent_ns(turn) for turn in measured_turns(calls)] for calls in grouped.values()]
    turns = sum(map(len, spent))
    total = sum(sum(turn.values()) for group in spent for turn in group)
    figures = []
    for step in STEPS:
        groups = [[turn[step] for turn in group if step in turn] for group in spent]
        if any(groups):
            whole = sum(map(sum, groups))
            latency = latency_of(groups, clock, seed)
            share = whole / total if total else 0.0
            figures.append(StageFigure(step, STAGE_LABELS[step], latency, Fraction(whole, turns), share))
    return tuple(figures)


def stage_shares(ours: Sequence[MeasuredTurn], theirs: Sequence[MeasuredTurn]) -> tuple[StageShare, ...]:
    """What each step makes of the difference of the mean voice to voice, the largest first."""
    if not ours or not theirs:
        return ()
    means = []
    for turns in (ours, theirs):
        sums: dict[Step, int] = {}
        for turn in turns:
            for step, ns in spent_ns(turn).items():
                sums[step] = sums.get(step, 0) + ns
        means.append({step: Fraction(ns, len(turns)) for step, ns in sums.items()})
    none = Fraction(0)
    differences = {
        step: means[0].get(step, none) - means[1].get(step, none)
        for step in STEPS
        if step in means[0] or step in means[1]
    }
    total = sum(differences.values(), none)
    shares = [
        StageShare(step, STAGE_LABELS[step], difference, difference / total if total else None)
        for step, difference in differences.items()
    ]
    return tuple(sorted(shares, key=lambda share: -abs(share.difference_ns)))


def rounded(value: Fraction, low: Fraction | None, high: Fraction | None, times: int = 1) -> Estimate:
    """``times`` each, to whole nanoseconds or picodollars, half to even."""
    least, most = (None if bound is None else round(bound * times) for bound in (low, high))
    return Estimate(round(value * times), least, most)
