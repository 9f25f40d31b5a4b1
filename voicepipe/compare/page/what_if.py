"""What a month would cost: so many calls a day, so many minutes each."""

from __future__ import annotations

from fractions import Fraction

from voicepipe.compare.intervals import Estimate
from voicepipe.compare.page.html import Html, Node, join, tag
from voicepipe.compare.page.numbers import NOTHING, money
from voicepipe.compare.page.tables import Columns, clock, named
from voicepipe.compare.whatif import a_month
from voicepipe.observe.forecast import DAYS_A_MONTH
from voicepipe.speech.pricing import PICO

CALLS_A_DAY, MINUTES = 400, 4
"""What the page begins with, and shows where scripts aren't run."""


def what_if(columns: Columns) -> Html:
    """A table that the page's script reckons anew; it multiplies what it finds in the cells."""
    fields = tag(
        "fieldset",
        _field("Calls a day", "calls-per-day", CALLS_A_DAY, most=1_000_000, step="1"),
        _field("Minutes a call", "minutes-per-call", MINUTES, most=600, step="any"),
        disabled=True,
    )
    head = [
        tag("th", name, scope="col") for name in ("Variant", "USD a minute", "USD a month", "95 % from", "to")
    ]
    rows = [
        tag(
            "tr",
            tag("th", named(column), " ", clock(column), scope="row"),
            _cells(column.figures.cost.per_minute, bool(column.figures.cost.unpriced)),
        )
        for column in columns
    ]
    table = tag(
        "table",
        tag(
            "caption",
            f"A month has {float(DAYS_A_MONTH):.1f} days. The spread is that of the measured calls.",
        ),
        tag("thead", tag("tr", head)),
        tag("tbody", rows),
    )
    return tag(
        "div",
        fields,
        tag("div", table, class_="wide", tabindex=0, role="region", aria_label="USD a month"),
        id="what-if",
        data_days=str(float(DAYS_A_MONTH)),
    )


def _field(label: str, name: str, value: int, *, most: int, step: str) -> Html:
    given = tag("input", type="number", id=name, value=value, min=0, max=most, step=step, inputmode="decimal")
    return tag("label", label, " ", given, for_=name)


def _cells(a_minute: Estimate | None, unpriced: bool) -> Html:
    if a_minute is None:
        why: Node = tag("span", "unpriced", class_="bad") if unpriced else NOTHING
        return join(tag("td", why), [tag("td", NOTHING) for _ in range(3)])
    return join(
        tag("td", money(a_minute.value)),
        [_month(one) for one in (a_minute.value, a_minute.low, a_minute.high)],
    )


def _month(a_minute: int | None) -> Html:
    if a_minute is None:
        return tag("td", NOTHING)
    month = a_month(
        Estimate(a_minute, None, None), calls_per_day=Fraction(CALLS_A_DAY), minutes=Fraction(MINUTES)
    )
    return tag(
        "td", NOTHING if month is None else money(month.value), data_usd_minute=f"{a_minute / PICO:.12f}"
    )
