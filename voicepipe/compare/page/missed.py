"""What was expected of the calls and not met, each once, with how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.page.html import Html, said, tag
from voicepipe.compare.page.numbers import plural
from voicepipe.compare.page.tables import NAME, Columns, clock, named
from voicepipe.compare.page.words import Words

MOST = 60
"""Rows."""


def missed_table(columns: Columns, calls: Sequence[MeasuredCall], words: Words) -> Html | None:
    """None if nothing was missed."""
    of = {column.figures.name: column for column in columns}
    found = Counter(
        (call.variant, call.call, what) for call in calls if call.variant in of for what in _problems(call)
    )
    if not found:
        return None
    held = Counter((call.variant, call.call) for call in calls)
    rows = [
        tag(
            "tr",
            tag("th", named(of[variant]), " ", clock(of[variant]), scope="row"),
            tag("td", said(call, NAME), class_="words"),
            tag("td", words.text(what, 300), class_="words"),
            tag("td", f"{min(count, held[variant, call])} of {held[variant, call]}"),
        )
        for (variant, call, what), count in found.most_common(MOST)
    ]
    heads = [
        tag("th", name, scope="col", class_="words" if name != "calls" else None)
        for name in ("variant", "call", "what was missed, or failed", "calls")
    ]
    caption = "What was expected of the calls and missed, and what failed in them."
    table = tag("table", tag("caption", caption), tag("thead", tag("tr", heads)), tag("tbody", rows))
    rest = len(found) - MOST
    return tag(
        "div",
        tag("div", table, class_="wide", tabindex=0, role="region", aria_label=caption),
        tag("p", f"{plural(rest, 'further one')} not shown.", class_="note") if rest > 0 else None,
    )


def _problems(call: MeasuredCall) -> list[str]:
    broke = [] if call.error is None else [f"broke off: {call.error}"]
    return [*dict.fromkeys(call.missed), *dict.fromkeys(call.failures), *broke]
