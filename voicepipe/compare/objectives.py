"""The pipeline's ``slo:`` held against what a comparison measured, by the definitions of the live alert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voicepipe.compare.figures import VariantFigures
from voicepipe.compare.latencies import Latency
from voicepipe.compare.wording import many
from voicepipe.config.slo import ANSWERED, Objective, SloConfig
from voicepipe.observe.expectations import percentile
from voicepipe.observe.objectives import SILENT, VOICE_TO_VOICE, Finding
from voicepipe.speech.pricing import usd


@dataclass(frozen=True, slots=True)
class ObjectiveResult:
    """One objective of ``variant``. ``met`` is None if there were too few measurements to judge by.

    ``value`` is in milliseconds, a share of 1, or USD a minute; None if it isn't known. ``found`` says all of
    it to a person.
    """

    variant: str
    objective: str
    """``voice_to_voice.p95 < 1s``"""
    met: bool | None
    value: float | None
    count: int
    found: str


def objectives_of(slo: SloConfig | None, figures: VariantFigures) -> tuple[ObjectiveResult, ...]:
    """What ``figures`` are held against: each objective of the variant's own file, in its order."""
    if slo is None or figures.info.left_out is not None:
        return ()
    return tuple(_judged(objective, slo.min_count, figures) for objective in slo.objectives())


def missed(results: Sequence[ObjectiveResult]) -> tuple[ObjectiveResult, ...]:
    """Those that decide over the exit status."""
    return tuple(result for result in results if result.met is False)


def _judged(objective: Objective, min_count: int, figures: VariantFigures) -> ObjectiveResult:
    finding = _finding(objective, figures)
    enough = finding.count >= min_count
    found = f"{figures.name}: {finding}"
    if not enough:
        measured = many(finding.count, "measurement")
        found = f"{figures.name}: {objective} isn't judged by {measured}: slo.min_count is {min_count}"
    return ObjectiveResult(
        variant=figures.name,
        objective=str(objective),
        met=finding.met if enough else None,
        value=finding.plain,
        count=finding.count,
        found=found,
    )


def _finding(objective: Objective, figures: VariantFigures) -> Finding:
    turns = figures.counts.turns
    if objective.percent is not None:
        latency = _latency(objective.measure, figures)
        values = latency.values_ns if latency is not None else ()
        value = float(percentile(values, objective.percent)) if values else None
        return Finding(objective, value, len(values))
    if objective.measure == ANSWERED:
        return Finding(objective, figures.answered.value if figures.answered else None, turns)
    a_minute = figures.cost.per_minute
    return Finding(objective, None if a_minute is None else float(usd(a_minute.value)), turns)


def _latency(measure: str, figures: VariantFigures) -> Latency | None:
    if measure == VOICE_TO_VOICE:
        return figures.voice_to_voice
    if measure == SILENT:
        return figures.silent_after_interruption
    return next((stage.latency for stage in figures.stages if stage.step == measure), None)
