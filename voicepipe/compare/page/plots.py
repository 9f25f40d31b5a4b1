"""The plots: Vega-Lite's grammar (https://vega.github.io/vega-lite/docs/) in, SVG without styles out.

Colours are custom properties of the page, so that a plot follows its theme. Each plot is drawn for a wide and
for a narrow screen, since a picture that is made smaller takes its text along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from voicepipe.compare.figures import VariantFigures
from voicepipe.compare.page.html import Html, clean, join, tag
from voicepipe.compare.page.marks import colour, dashes, shape
from voicepipe.compare.page.numbers import money, ms
from voicepipe.compare.page.tables import Column, Columns, clocks, named
from voicepipe.core.extras import require
from voicepipe.core.units import MS
from voicepipe.observe.expectations import percentile
from voicepipe.speech.pricing import PICO

WIDTHS = {"plot-wide": 760, "plot-narrow": 270}
"""Class → pixels of the plot without its axes."""

LABEL = 20
"""Characters of a variant's name in a plot."""

NAMED_AT_THEIR_POINTS = 4
"""Variants; the names of more would lie upon each other, and stand in a legend."""

Spec = dict[str, Any]

_QUIET = {"labelColor": "var(--muted)", "titleColor": "var(--muted)", "gridColor": "var(--rule)"}
_CONFIG: Spec = {
    "background": None,
    "padding": {"left": 12, "right": 8, "top": 6, "bottom": 4},
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        **_QUIET,
        "domainColor": "var(--rule)",
        "tickColor": "var(--rule)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 10,
    },
    "legend": {"labelColor": "var(--ink)", "labelFontSize": 12},
}


def distributions(columns: Columns) -> Html | None:
    """How long the callers waited: each share of the turns, and where the middle lies. None without turns."""
    measured = [column for column in columns if column.figures.voice_to_voice.values_ns]
    if not measured:
        return None
    told = "; ".join(_told(column.figures) for column in measured)
    return join(
        _figure(
            lambda width: _shares(measured, width),
            f"Share of the turns that were answered within a time. {told}",
            "The share of the turns that were answered within a time. The further left, the sooner.",
            measured,
        ),
        _figure(
            lambda width: _boxes(measured, width),
            f"Median, quartiles, and 5th to 95th percentile of voice to voice. {told}",
            "Half of the turns lie within the box and nine of ten within the line; the stroke is the median.",
            (),
        ),
    )


def scatter(columns: Columns, front: Sequence[str]) -> Html | None:
    """What it costs against how long it takes; None if fewer than two variants have both figures."""
    both = [c for c in columns if c.figures.cost.per_call is not None and c.figures.voice_to_voice.p50]
    if len(both) < 2 or not any(c.figures.cost.per_call.value for c in both if c.figures.cost.per_call):
        return None
    told = "; ".join(
        f"{c.figures.name}, {c.figures.clock} clock: {ms(p50.value)} ms, {money(cost.value)} USD a call"
        for c in both
        if (p50 := c.figures.voice_to_voice.p50) and (cost := c.figures.cost.per_call)
    )
    return _figure(
        lambda width: _points(both, front, width),
        f"Cost against latency. {told}. On the front: {', '.join(front) or 'none'}.",
        f"Cost against the median of voice to voice, with 95 % intervals. {_front_told(front)}"
        "Nearer to the lower left corner is better.",
        (),
    )


def _front_told(front: Sequence[str]) -> str:
    """What the line of the front is, or why there is none."""
    if len(front) == 1:
        return f"{front[0]} alone is on the Pareto front (of those that no other one beats in both). "
    if front:
        return "The line joins the variants that no other one beats in both (the Pareto front). "
    return ""


def _figure(draw: Callable[[int], Spec], alternative: str, caption: str, columns: Columns) -> Html:
    drawn = [
        tag("div", svg(draw(width), alternative), class_=f"plot {name}") for name, width in WIDTHS.items()
    ]
    keys = tag("ul", [tag("li", named(column)) for column in columns], class_="legend") if columns else None
    return tag("figure", keys, drawn, tag("figcaption", caption))


def svg(spec: Spec, alternative: str) -> Html:
    """``spec`` drawn; ``alternative`` is for those who can't see it.

    Raises ``SetupError`` if the package that draws isn't installed.
    """
    vega = require("vl_convert", extra="report", purpose="a report with plots")
    drawn: str = vega.vegalite_to_svg({"config": _CONFIG, **spec})
    labelled = tag("svg", role="img", aria_label=alternative).removesuffix("></svg>")
    return Html(drawn.replace("<svg", labelled, 1))


def _shares(columns: Columns, width: int) -> Spec:
    rows = [
        {"variant": _label(column), "ms": value / MS, "share": share / 100}
        for column in columns
        for share in range(0, 101)
        for value in [percentile(column.figures.voice_to_voice.values_ns, share)]
    ]
    return {
        "width": width,
        "height": 260,
        "data": {"values": rows},
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2},
        "encoding": {
            "x": _latency_axis(columns),
            "y": {
                "field": "share",
                "type": "quantitative",
                "title": None,
                "axis": {"format": "%", "tickCount": 5},
            },
            "color": _scale("variant", columns, [colour(column.index) for column in columns]),
            "strokeDash": _scale(
                "variant", columns, [list(dashes(column.index)) or [1, 0] for column in columns]
            ),
        },
    }


def _boxes(columns: Columns, width: int) -> Spec:
    rows = []
    for column in columns:
        values = column.figures.voice_to_voice.values_ns
        marks = {f"p{percent}": percentile(values, percent) / MS for percent in (5, 25, 50, 75, 95)}
        rows.append({"variant": _label(column), **marks})
    y = {
        "field": "variant",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {
            "labelLimit": 0,
            "labelPadding": 8,
            "domain": False,
            "ticks": False,
            "labelColor": "var(--ink)",
        },
    }
    hue = _scale("variant", columns, [colour(column.index) for column in columns])

    def layer(mark: Spec, left: str, right: str | None = None) -> Spec:
        x = {**_latency_axis(columns), "field": left}
        encoding: Spec = {"y": y, "x": x, "stroke" if mark["type"] == "bar" else "color": hue}
        if right is not None:
            encoding["x2"] = {"field": right}
        return {"mark": mark, "encoding": encoding}

    return {
        "width": width - 60 if width < 400 else width,
        "height": {"step": 30},
        "data": {"values": rows},
        "layer": [
            layer({"type": "rule", "strokeWidth": 2}, "p5", "p95"),
            layer({"type": "bar", "height": 13, "fill": "var(--paper)", "strokeWidth": 2}, "p25", "p75"),
            layer({"type": "tick", "thickness": 4, "size": 13, "opacity": 1}, "p50"),
        ],
    }


def _points(columns: Columns, front: Sequence[str], width: int) -> Spec:
    rows = [_point(column, column.figures.name in front) for column in columns]
    right, top = (max(row[name] for row in rows) * 1.08 for name in ("ms_high", "usd_high"))
    x = _from_zero("ms", f"median voice to voice, ms, {clocks(columns)}", right, width // 90)
    y = _from_zero("usd", "USD a call", top, 5)
    hue = _scale("variant", columns, [colour(column.index) for column in columns])
    form = _scale("variant", columns, [shape(column.index) for column in columns])
    few = len(columns) <= NAMED_AT_THEIR_POINTS
    if not few:
        keys = {
            "orient": "bottom",
            "title": None,
            "columns": width // 130,
            "labelLimit": 0,
            "symbolSize": 90,
            "columnPadding": 16,
        }
        hue, form = {**hue, "legend": keys}, {**form, "legend": keys}
    ms, usd = {"field": "ms_high"}, {"field": "usd_high"}
    point = {"type": "point", "filled": True, "size": 110, "opacity": 1}
    return {
        "width": width,
        "height": 300,
        "data": {"values": rows},
        "layer": [
            {
                "transform": [{"filter": "datum.front"}],
                "mark": {"type": "line", "color": "var(--muted)", "strokeDash": [3, 3], "strokeWidth": 1.5},
                "encoding": {"x": x, "y": y, "order": {"field": "ms"}},
            },
            _rule({"x": {**x, "field": "ms_low"}, "x2": ms, "y": y, "color": hue}),
            _rule({"x": x, "y": {**y, "field": "usd_low"}, "y2": usd, "color": hue}),
            {"mark": point, "encoding": {"x": x, "y": y, "color": hue, "shape": form}},
            *(_names({"x": x, "y": y, "color": hue}, right / 2) if few else ()),
        ],
    }


def _names(encoding: Spec, middle: float) -> list[Spec]:
    """Beside their points, on the side where there is room."""
    text = {"field": "variant", "type": "nominal"}
    return [
        {
            "transform": [{"filter": f"datum.ms {where} {middle}"}],
            "mark": {"type": "text", "align": align, "dx": dx, "dy": -9, "fontSize": 12},
            "encoding": {**encoding, "text": text},
        }
        for where, align, dx in (("<=", "left", 9), (">", "right", -9))
    ]


def _point(column: Column, on_front: bool) -> Spec:
    p50, cost = column.figures.voice_to_voice.p50, column.figures.cost.per_call
    assert p50 is not None, "scatter() took those that have both"
    assert cost is not None
    return {
        "variant": _label(column),
        "front": on_front,
        **_spread("ms", p50.value, p50.low, p50.high, MS),
        **_spread("usd", cost.value, cost.low, cost.high, PICO),
    }


def _from_zero(field: str, title: str, most: float, ticks: int) -> Spec:
    """An axis on which a difference looks as large as it is."""
    scale = {"domain": [0, most], "nice": True}
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": scale,
        "axis": {"tickCount": ticks},
    }


def _rule(encoding: Spec) -> Spec:
    return {"mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": encoding}


def _spread(name: str, value: int, low: int | None, high: int | None, unit: int) -> dict[str, float]:
    """The value in its unit, and its interval, which is the value itself where there is none."""
    return {
        name: value / unit,
        f"{name}_low": (value if low is None else low) / unit,
        f"{name}_high": (value if high is None else high) / unit,
    }


def _latency_axis(columns: Columns) -> Spec:
    """From 0, unless what has to be shown differs by more than a factor of ten."""
    low = min(percentile(column.figures.voice_to_voice.values_ns, 5) for column in columns)
    high = max(column.figures.voice_to_voice.values_ns[-1] for column in columns)
    scale: Spec = {"type": "log", "nice": False} if low > 0 and high > 10 * low else {"zero": True}
    return {
        "field": "ms",
        "type": "quantitative",
        "title": f"voice to voice, ms, {clocks(columns)}",
        "scale": scale,
        "axis": {"tickCount": 6, "format": "~s" if high > 100_000 * MS else ",.0f"},
    }


def _scale(field: str, columns: Columns, values: Sequence[Any]) -> Spec:
    domain = [_label(column) for column in columns]
    return {
        "field": field,
        "type": "nominal",
        "legend": None,
        "scale": {"domain": domain, "range": list(values)},
    }


def _label(column: Column) -> str:
    """Short, and no other variant's: their numbers tell long ones apart."""
    name = clean(column.figures.name)
    return name if len(name) <= LABEL else f"{name[: LABEL - 4]}… {column.index + 1}"


def _told(variant: VariantFigures) -> str:
    found = variant.voice_to_voice
    parts = [(name, one) for name, one in (("p50", found.p50), ("p95", found.p95)) if one is not None]
    return f"{variant.name}, {variant.clock} clock: " + ", ".join(
        f"{name} {ms(one.value)} ms" for name, one in parts
    )
