"""The figures of the variants, side by side: a column for each variant, a row for each figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from voicepipe.compare.figures import VariantFigures
from voicepipe.compare.intervals import Estimate
from voicepipe.compare.latencies import ENOUGH_FOR_P99, PERCENTILES
from voicepipe.compare.page.html import Html, Node, join, said, tag
from voicepipe.compare.page.marks import Piece, bar, legend, swatch
from voicepipe.compare.page.numbers import (
    NOTHING,
    estimated,
    money,
    ms,
    percent,
    plural,
    shared,
    shortened,
    times,
)
from voicepipe.observe.timeline import STEPS, Step

NAME = 60
"""Characters of a variant's name that are shown."""

WHAT = 18
"""And of where it comes from; all of it is told at the end of the page."""


@dataclass(frozen=True, slots=True)
class Column:
    """A variant, and which of the page's colours is its."""

    index: int
    figures: VariantFigures


Columns = Sequence[Column]
Cell = Callable[[VariantFigures], Node]


def named(column: Column) -> Html:
    return join(swatch(column.index), said(column.figures.name, NAME))


def clock(column: Column) -> Html:
    """On which clock it was measured, and that it was a stand-in."""
    simulated = tag("span", "simulated server", class_="clock striped")
    named = tag("span", f"{column.figures.clock} clock", class_="clock")
    return join(named, " ", simulated) if column.figures.info.stand_in else named


def clocks(columns: Columns) -> str:
    """Those on which all of ``columns`` were measured, in words."""
    names = dict.fromkeys(column.figures.clock for column in columns)
    return f"{' and '.join(names) or 'no'} clock"


def figures_table(columns: Columns) -> Html:
    """Latency, success and money, with 95 % intervals."""
    rows = [
        _group("Voice to voice, ms", columns),
        *(_row(name, columns, _latency(name)) for name in PERCENTILES),
        _row("mean", columns, lambda v: estimated(v.voice_to_voice.mean, ms)),
        _row("turns measured", columns, lambda v: f"{v.voice_to_voice.turns:,}"),
        _group("Tasks", columns),
        _row("task success", columns, lambda v: shared(v.success)),
        _row("turns answered", columns, lambda v: shared(v.answered)),
        _row("word errors", columns, lambda v: shared(v.word_error_rate)),
        _group("Money, USD", columns),
        _row("a minute", columns, lambda v: _priced(v, v.cost.per_minute)),
        _row("a call", columns, lambda v: _priced(v, v.cost.per_call)),
        _row("a completed task", columns, _per_task),
        _row("waste, of all of it", columns, _waste),
        _row("saved by not sending silence", columns, _saved),
    ]
    return _table("Below each figure, its 95 % interval.", columns, rows)


def outcomes_table(columns: Columns) -> Html:
    """What became of the calls: interruptions and everything that went wrong."""
    rows = [
        _row("calls held", columns, lambda v: join(f"{v.calls:,}", tag("small", _scripts(v)))),
        _row("interruptions honoured", columns, lambda v: times(v.counts.honoured, v.counts.interruptions)),
        _row("silent after one, p50, ms", columns, lambda v: estimated(v.silent_after_interruption.p50, ms)),
        _row("silent after one, p95, ms", columns, lambda v: estimated(v.silent_after_interruption.p95, ms)),
        _row("backchannels ignored", columns, lambda v: times(v.counts.ignored, v.counts.backchannels)),
        _row("cut-ins on the caller", columns, lambda v: _count(v.counts.cut_ins)),
        _row("silences too long", columns, lambda v: _count(v.counts.dead_air)),
        _row("drafts thrown away", columns, lambda v: f"{v.counts.discarded_drafts:,}"),
        _row("switches to a fallback", columns, lambda v: _count(v.counts.switches)),
        _row("failed requests", columns, lambda v: _count(v.counts.failures)),
        _row("calls that broke off", columns, lambda v: _count(len(v.counts.errors))),
    ]
    return _table("Over all calls of a variant.", columns, rows)


def stages_table(columns: Columns) -> Html:
    """What each step of a turn took: its part of the mean, and its own percentiles."""
    rows = []
    for step in STEPS:
        label = next((one.label for c in columns if (one := c.figures.stage(step)) is not None), None)
        if label is not None:
            rows.append(_row(label, columns, partial(_stage, step)))
    return _table(
        "Mean, ms, and its part of the whole; below it p50 and p95 of the turns that took the step.",
        columns,
        rows,
    )


def stages_bars(columns: Columns) -> Html:
    """The means, stacked: they sum to that of voice to voice."""
    measured = [column for column in columns if column.figures.stages]
    scale = max((sum(one.mean_ns for one in column.figures.stages) for column in measured), default=0)
    rows = []
    for column in measured:
        pieces, at = [], Fraction()
        for stage in column.figures.stages:
            pieces.append(Piece(stage.step, at, stage.mean_ns))
            at += stage.mean_ns
        rows.append(
            tag(
                "div",
                tag("span", named(column)),
                bar(pieces, [], scale),
                tag("span", f"{ms(at)} ms"),
                class_="way",
            )
        )
    return tag("div", legend(), rows, class_="means")


def _table(caption: str, columns: Columns, rows: Sequence[Html]) -> Html:
    heads = [
        tag(
            "th",
            named(column),
            tag("small", said(shortened(column.figures.info.what, WHAT)), title=column.figures.info.what),
            clock(column),
            scope="col",
        )
        for column in columns
    ]
    head = tag("thead", tag("tr", tag("th", "Figure", scope="col"), heads))
    table = tag("table", tag("caption", caption), head, tag("tbody", rows))
    return tag("div", table, class_="wide", tabindex=0, role="region", aria_label=caption)


def _group(name: str, columns: Columns) -> Html:
    return tag("tr", tag("th", name, scope="colgroup", colspan=len(columns) + 1))


def _row(name: str, columns: Columns, cell: Cell) -> Html:
    return tag("tr", tag("th", name, scope="row"), [tag("td", cell(column.figures)) for column in columns])


def _latency(name: str) -> Cell:
    def cell(variant: VariantFigures) -> Html:
        found: Estimate | None = getattr(variant.voice_to_voice, name)
        if name == "p99" and found is None and variant.voice_to_voice.turns:
            return join(NOTHING, tag("small", f"from {ENOUGH_FOR_P99} turns on"))
        return estimated(found, ms)

    return cell


def _priced(variant: VariantFigures, estimate: Estimate | None) -> Html:
    if variant.cost.unpriced:
        return tag("span", "unpriced", class_="bad")
    return estimated(estimate, money)


def _per_task(variant: VariantFigures) -> Html:
    if variant.cost.per_task is None and not variant.cost.unpriced and variant.cost.why_no_task:
        return join(NOTHING, tag("small", variant.cost.why_no_task))
    return _priced(variant, variant.cost.per_task)


def _waste(variant: VariantFigures) -> Html:
    waste, share = variant.cost.waste, variant.cost.waste_share
    if waste is None:
        return _priced(variant, None)
    return join(money(waste), None if share is None else tag("small", percent(share)))


def _saved(variant: VariantFigures) -> str:
    return NOTHING if variant.cost.saved is None else money(variant.cost.saved)


def _stage(step: Step, variant: VariantFigures) -> Html:
    found = variant.stage(step)
    if found is None:
        return Html(NOTHING)
    spans = [ms(one.value) if one is not None else NOTHING for one in (found.p50, found.p95)]
    return join(
        ms(found.mean_ns), f" ({found.share * 100:.0f} %)", tag("small", f"p50 {spans[0]}, p95 {spans[1]}")
    )


def _count(count: int) -> Html:
    return tag("span", f"{count:,}", class_="bad") if count else Html("0")


def _scripts(variant: VariantFigures) -> str:
    return f"of {plural(variant.scripts, 'script')}"
