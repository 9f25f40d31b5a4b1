"""All figures of a comparison, from what it measured. Pure: the same answer each time.

``docs/comparison-figures.md`` defines each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from voicepipe.compare.intervals import Share
from voicepipe.compare.latencies import (
    Grouped,
    Latency,
    StageFigure,
    latency_of,
    stage_figures,
    voice_to_voice,
)
from voicepipe.compare.measured import Comparison, MeasuredCall, VariantInfo
from voicepipe.compare.outcomes import Counts, Reached, answered, counts, reached_in, success, word_errors
from voicepipe.compare.spending import Spending, spending
from voicepipe.core.clock import ClockName
from voicepipe.observe.timeline import Step


@dataclass(frozen=True, slots=True)
class VariantFigures:
    """What was measured of one variant; ``calls`` of ``scripts`` different ones were held.

    Latencies are in nanoseconds and money in picodollars. What isn't known is None, never 0. All of it was
    measured on ``clock``.
    """

    info: VariantInfo
    calls: int
    scripts: int
    voice_to_voice: Latency
    silent_after_interruption: Latency
    """From the onset of speech that interrupted a reply to that reply's last sound."""
    stages: tuple[StageFigure, ...]
    success: Share | None
    """Calls that reached what was expected of them."""
    answered: Share | None
    """Of the caller's turns."""
    word_error_rate: Share | None
    cost: Spending
    counts: Counts

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def clock(self) -> ClockName:
        return self.info.clock

    @property
    def in_verdict(self) -> bool:
        """Whether the verdict is about it: measured, in no section of its own, and no stand-in."""
        return not (self.info.section or self.info.stand_in or self.info.left_out is not None)

    def stage(self, step: Step) -> StageFigure | None:
        """None if no turn took it."""
        return next((figure for figure in self.stages if figure.step == step), None)


@dataclass(frozen=True, slots=True)
class Figures:
    """One for each variant, in the order of the comparison, also for those that were left out."""

    variants: tuple[VariantFigures, ...]
    seed: int

    @property
    def by_name(self) -> Mapping[str, VariantFigures]:
        return {variant.name: variant for variant in self.variants}

    @property
    def in_verdict(self) -> tuple[VariantFigures, ...]:
        """Those that the verdict is about; the first is the one that the others are held against."""
        return tuple(variant for variant in self.variants if variant.in_verdict)


def figures_of(comparison: Comparison) -> Figures:
    """Everything that can be said of each variant by itself."""
    reached = reached_in(comparison.measured)
    return Figures(
        tuple(
            _of_variant(info, grouped(comparison, info.name), reached, comparison.seed)
            for info in comparison.variants
        ),
        comparison.seed,
    )


def grouped(comparison: Comparison, variant: str) -> Grouped:
    """The calls of ``variant`` by script, those that it has, in the comparison's order."""
    groups: dict[str, list[MeasuredCall]] = {call.name: [] for call in comparison.calls}
    for call in comparison.measured:
        if call.variant == variant:
            groups.setdefault(call.call, []).append(call)
    return {name: calls for name, calls in groups.items() if calls}


def _of_variant(info: VariantInfo, groups: Grouped, reached: Reached, seed: int) -> VariantFigures:
    calls = [call for group in groups.values() for call in group]
    silences = [[ns for call in group for ns in call.silences_ns] for group in groups.values()]
    return VariantFigures(
        info=info,
        calls=len(calls),
        scripts=len(groups),
        voice_to_voice=voice_to_voice(groups, info.clock, seed),
        silent_after_interruption=latency_of(silences, info.clock, seed),
        stages=stage_figures(groups, info.clock, seed),
        success=success(groups, reached),
        answered=answered(groups),
        word_error_rate=word_errors(groups, seed),
        cost=spending(groups, info.clock, seed, reached),
        counts=counts(calls),
    )
