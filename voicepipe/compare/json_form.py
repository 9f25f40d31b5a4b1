"""A comparison as JSON, documented field by field in ``docs/comparison-figures.md``.

Times are in milliseconds and money in USD; what isn't known is null. Sums are exact and become numbers here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from voicepipe.compare.conditions import ConditionResult
from voicepipe.compare.contrasts import Contrast
from voicepipe.compare.figures import Figures, VariantFigures
from voicepipe.compare.intervals import Estimate, Ratio, Share
from voicepipe.compare.latencies import PERCENTILES, Latency, StageFigure, StageShare
from voicepipe.compare.measured import Comparison
from voicepipe.compare.objectives import ObjectiveResult
from voicepipe.compare.spending import Spending
from voicepipe.compare.verdict import Verdict
from voicepipe.core.units import MS
from voicepipe.speech.pricing import usd

FORMAT = 1


def to_json(
    comparison: Comparison,
    figures: Figures,
    verdict: Verdict,
    *,
    conditions: Sequence[ConditionResult] = (),
    objectives: Sequence[ObjectiveResult] = (),
) -> dict[str, Any]:
    """Only what JSON has: no NaN, no infinity."""
    return {
        "format": FORMAT,
        "title": comparison.title,
        "verdict": _verdict(verdict),
        "variants": [_variant(one) for one in figures.variants],
        "conditions": [asdict(result) for result in conditions],
        "objectives": [asdict(result) for result in objectives],
        "calls": [
            {"name": call.name, "kind": call.kind, "speech_ms": call.speech_ns / MS}
            for call in comparison.calls
        ],
        "repetitions": comparison.repetitions,
        "tools": comparison.tools,
        "history": comparison.history,
        "seed": comparison.seed,
        "unfinished": comparison.unfinished,
        "environment": {**comparison.environment.model_dump(mode="json"), "load": _load(comparison)},
    }


def _load(comparison: Comparison) -> dict[str, float] | None:
    """Of the machine as the calls began, in processes that wanted a core, per core."""
    loads = [call.load for call in comparison.measured]
    return {"least": min(loads), "most": max(loads)} if loads else None


def _variant(one: VariantFigures) -> dict[str, Any]:
    return {
        **one.info.model_dump(mode="json"),
        "in_verdict": one.in_verdict,
        "calls": one.calls,
        "scripts": one.scripts,
        "voice_to_voice": _latency(one.voice_to_voice),
        "silent_after_interruption": _latency(one.silent_after_interruption),
        "steps": {stage.step: _stage(stage) for stage in one.stages},
        "success": _share(one.success),
        "answered": _share(one.answered),
        "word_error_rate": _share(one.word_error_rate),
        "cost": _spending(one.cost),
        "counts": asdict(one.counts),
    }


def _latency(latency: Latency) -> dict[str, Any]:
    found: dict[str, Any] = {"clock": latency.clock, "turns": latency.turns, "scripts": latency.scripts}
    for name in (*PERCENTILES, "mean"):
        found[name] = _time(getattr(latency, name))
    return found


def _stage(stage: StageFigure) -> dict[str, Any]:
    return {
        "label": stage.label,
        **_latency(stage.latency),
        "contribution_ms": float(stage.mean_ns) / MS,
        "share": stage.share,
    }


def _time(estimate: Estimate | None) -> dict[str, float | None] | None:
    if estimate is None:
        return None
    low, high = (None if bound is None else bound / MS for bound in (estimate.low, estimate.high))
    return {"ms": estimate.value / MS, "low_ms": low, "high_ms": high}


def _money(estimate: Estimate | None) -> dict[str, float | None] | None:
    if estimate is None:
        return None
    low, high = _usd(estimate.low), _usd(estimate.high)
    return {"usd": _usd(estimate.value), "low_usd": low, "high_usd": high}


def _usd(picodollars: int | None) -> float | None:
    return None if picodollars is None else float(usd(picodollars))


def _share(share: Share | None) -> dict[str, Any] | None:
    if share is None:
        return None
    return {
        "part": share.part,
        "whole": share.whole,
        "share": share.value,
        "low": share.low,
        "high": share.high,
    }


def _spending(cost: Spending) -> dict[str, Any]:
    return {
        "clock": cost.clock,
        "total_usd": _usd(cost.total),
        "priced_usd": _usd(cost.priced),
        "per_minute": _money(cost.per_minute),
        "per_call": _money(cost.per_call),
        "per_task": _money(cost.per_task),
        "why_no_task": cost.why_no_task,
        "wasted_usd": _usd(cost.waste),
        "waste_share": cost.waste_share,
        "saved_usd": _usd(cost.saved),
        "by_slot_usd": {slot: _usd(value) for slot, value in cost.by_slot},
        "unpriced": list(cost.unpriced),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "sentences": list(verdict.sentences),
        "cautions": list(verdict.cautions),
        "best": verdict.best,
        "front": list(verdict.front),
        "contrasts": [_contrast(one) for one in verdict.contrasts],
    }


def _contrast(one: Contrast) -> dict[str, Any]:
    return {
        "variant": one.variant,
        "against": one.against,
        "scripts": one.scripts,
        "calls": one.calls,
        "median": _time(one.median),
        "latency": one.latency,
        "steps": {stage.step: _stage_share(stage) for stage in one.stages},
        "cost_ratio": _ratio(one.cost),
        "cost_per_call": _money(one.cost_a_call),
        "money": one.money,
        "success": _share(one.ours),
        "success_against": _share(one.theirs),
        "p": one.p,
        "succeeds": one.succeeds,
        "drawbacks": list(one.drawbacks),
        "worse": one.worse,
        "sentences": list(one.sentences),
    }


def _stage_share(stage: StageShare) -> dict[str, float | None]:
    share = None if stage.share is None else float(stage.share)
    return {"ms": float(stage.difference_ns) / MS, "share": share}


def _ratio(ratio: Ratio | None) -> dict[str, float | None] | None:
    if ratio is None:
        return None
    return {"value": float(ratio.value), "low": _float(ratio.low), "high": _float(ratio.high)}


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
