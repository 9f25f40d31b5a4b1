"""The figures by their names in conditions and objectives: ``voice_to_voice.p95``, ``cost.per_call``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from voicepipe.compare.figures import VariantFigures
from voicepipe.compare.intervals import Estimate, Share
from voicepipe.compare.latencies import ENOUGH_FOR_P99, PERCENTILES, Latency
from voicepipe.compare.outcomes import Counts
from voicepipe.compare.spending import Spending
from voicepipe.compare.wording import listed, ms, percent, usd
from voicepipe.observe.timeline import STEPS, Step

Kind = Literal["time", "money", "number", "share"]
"""In nanoseconds, in picodollars, or without a unit."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why a figure isn't known, for a person to read."""

    why: str


Found = Fraction | Unknown


@dataclass(frozen=True, slots=True)
class Named:
    """One figure: what it is a quantity of, and how it is found."""

    kind: Kind
    of: Callable[[VariantFigures], Found]


def shown(value: Fraction, kind: Kind) -> str:
    """``812 ms``, ``0.0123 USD``, ``92 %``, ``3``"""
    sign = "-" if value < 0 else ""
    if kind == "time":
        return sign + ms(value)
    if kind == "money":
        return sign + usd(abs(value))
    if kind == "share":
        return percent(value)
    return f"{float(value):g}"


def _known(estimate: Estimate | None, why: str) -> Found:
    return Unknown(why) if estimate is None else Fraction(estimate.value)


# ── latencies ────────────────────────────────────────────────────────────────────────────────────


def _latency(name: str, of: Callable[[VariantFigures], Latency | None], none: str) -> Mapping[str, Named]:
    def percentile(which: str) -> Callable[[VariantFigures], Found]:
        def found(figures: VariantFigures) -> Found:
            latency = of(figures)
            if latency is None or not latency.turns:
                return Unknown(none)
            few = f"it needs {ENOUGH_FOR_P99} measurements, and there are {latency.turns}"
            estimate: Estimate | None = getattr(latency, which)
            return _known(estimate, few)

        return found

    return {f"{name}.{which}": Named("time", percentile(which)) for which in (*PERCENTILES, "mean")}


def _stage(step: Step) -> Callable[[VariantFigures], Latency | None]:
    return lambda figures: stage.latency if (stage := figures.stage(step)) is not None else None


# ── shares and counts ────────────────────────────────────────────────────────────────────────────


def _share(of: Callable[[VariantFigures], Share | None], none: str) -> Named:
    def found(figures: VariantFigures) -> Found:
        share = of(figures)
        return Unknown(none) if share is None else share.exact

    return Named("share", found)


def _part(part: Callable[[Counts], int], whole: Callable[[Counts], int], none: str) -> Named:
    def found(figures: VariantFigures) -> Found:
        of = whole(figures.counts)
        return Fraction(part(figures.counts), of) if of else Unknown(none)

    return Named("share", found)


def _count(of: Callable[[VariantFigures], int]) -> Named:
    return Named(
        "number", lambda figures: Fraction(of(figures)) if figures.calls else Unknown("no call was held")
    )


# ── money ────────────────────────────────────────────────────────────────────────────────────────


def _money(
    of: Callable[[Spending], Estimate | int | None], none: Callable[[Spending], str | None] = lambda _: None
) -> Named:
    def found(figures: VariantFigures) -> Found:
        spending = figures.cost
        value = of(spending)
        if isinstance(value, Estimate):
            return Fraction(value.value)
        if value is not None:
            return Fraction(value)
        if spending.unpriced:
            return Unknown(f"there is no price for {listed(spending.unpriced)}")
        return Unknown(none(spending) or "no call was held")

    return Named("money", found)


def _waste_share(figures: VariantFigures) -> Found:
    total, waste = figures.cost.total, figures.cost.waste
    if total is None or waste is None:
        return NAMED["cost.total"].of(figures)
    return Fraction(waste, total) if total else Unknown("nothing was spent")


_NO_TURN = "no spoken turn was answered"

NAMED: Mapping[str, Named] = {
    **_latency("voice_to_voice", lambda figures: figures.voice_to_voice, _NO_TURN),
    **{
        name: named
        for step in STEPS
        for name, named in _latency(step, _stage(step), f"no measured turn took the step {step}").items()
    },
    **_latency(
        "silent_after_interruption",
        lambda figures: figures.silent_after_interruption,
        "no interruption silenced a reply",
    ),
    "success": _share(lambda figures: figures.success, "nothing was expected of the calls"),
    "answered": _share(lambda figures: figures.answered, "no caller said anything"),
    "word_error_rate": _share(lambda figures: figures.word_error_rate, "no call has a reference"),
    "interruptions.honoured": _part(
        lambda of: of.honoured, lambda of: of.interruptions, "no caller interrupted"
    ),
    "backchannels.ignored": _part(
        lambda of: of.ignored, lambda of: of.backchannels, "there were no backchannels"
    ),
    "calls": _count(lambda figures: figures.calls),
    "turns": _count(lambda figures: figures.counts.turns),
    "cut_ins": _count(lambda figures: figures.counts.cut_ins),
    "dead_air": _count(lambda figures: figures.counts.dead_air),
    "discarded_drafts": _count(lambda figures: figures.counts.discarded_drafts),
    "switches": _count(lambda figures: figures.counts.switches),
    "failures": _count(lambda figures: figures.counts.failures),
    "errors": _count(lambda figures: len(figures.counts.errors)),
    "cost.total": _money(lambda spending: spending.total),
    "cost.per_minute": _money(lambda spending: spending.per_minute, lambda _: "the calls took no time"),
    "cost.per_call": _money(lambda spending: spending.per_call),
    "cost.per_task": _money(lambda spending: spending.per_task, lambda spending: spending.why_no_task),
    "cost.waste": _money(lambda spending: spending.waste),
    "cost.waste_share": Named("share", _waste_share),
    "cost.saved": _money(lambda spending: spending.saved),
}
"""Name → figure."""
