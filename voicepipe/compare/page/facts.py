"""Where and how a comparison was measured, and what its figures mean."""

from __future__ import annotations

from collections.abc import Sequence

from voicepipe.compare.measured import Comparison
from voicepipe.compare.page.html import Html, Node, said, tag
from voicepipe.observe.forecast import DRAWS

CLOCKS = {
    "real": "time as it passed",
    "simulated": "work takes the time that was declared for it, waiting none; the same answer each time",
    "charged": "idle time is skipped, and what was computed counts as measured, one job at a time",
}

FIGURES = (
    (
        "voice to voice",
        "From the end of the caller's last 20 ms above −35 dBFS to the first audio above −50 dBFS that was "
        "played; of the turns that were spoken and whose reply was heard.",
    ),
    (
        "steps",
        "Intervals between consecutive marks on a turn's critical path. They sum to voice to voice. What was "
        "done while the turn wasn't certain yet is hatched and counts 0.",
    ),
    (
        "intervals",
        f"Percentile bootstrap by call script, {DRAWS} seeded draws, 95 %; shares by Wilson's interval. They "
        "cover the choice of the calls, not another day, network or machine.",
    ),
    ("p99", "From 300 turns on: of fewer, less than three lie above it."),
    (
        "task success",
        "Calls in which all that was expected was met, the right tool with the right arguments among it.",
    ),
    ("word errors", "Wrong, missing and superfluous words over those of the reference, where there is one."),
    ("a completed task", "All the money over the calls that reached what was expected of them."),
    ("waste", "What was paid for discarded drafts, failed requests and speech that nobody heard."),
    ("interruptions honoured", "Attempts of the caller to take the word that silenced the agent."),
)


def about(comparison: Comparison) -> Html:
    """The environment, the variants, and how the calls were held."""
    where, measured = comparison.environment, comparison.measured
    loads = [call.load for call in measured]
    known: list[tuple[str, Node]] = [
        ("when", _when(where.began, max((call.began for call in measured), default=where.began))),
        ("machine", where.machine),
        (
            "load",
            f"{min(loads):.2f} to {max(loads):.2f} a core as calls began" if loads else "nothing was held",
        ),
        ("system", f"{where.system}, Python {where.python}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in sorted(where.versions.items()))),
        ("commit", where.commit or "not in a repository"),
        ("clock", _clocks(comparison)),
        ("tools", comparison.tools),
        ("history", f"{comparison.history} (of recorded calls)"),
        ("seed", str(comparison.seed)),
    ]
    variants = [
        (said(one.name, 60), tag("span", said(one.what, 200), ": ", said(_stages(one.stages), 400)))
        for one in comparison.variants
    ]
    return tag(
        "div",
        _list([(tag("span", name), value) for name, value in known]),
        tag("h3", "Variants"),
        _list(variants),
    )


def definitions_of_figures() -> Html:
    items = [(tag("span", name), tag("span", meaning)) for name, meaning in FIGURES]
    return tag("div", tag("h3", "What the figures mean"), _list(items))


def _list(items: Sequence[tuple[Html, Node]]) -> Html:
    return tag("dl", [(tag("dt", name), tag("dd", value)) for name, value in items], class_="facts")


def _when(first: str, last: str) -> str:
    """ISO 8601; the last call is told if it was on another day: earlier ones may have been kept."""
    return first if last[:10] <= first[:10] else f"{first} to {last}"


def _clocks(comparison: Comparison) -> str:
    names = dict.fromkeys(one.clock for one in comparison.variants)
    return "; ".join(f"{name}: {CLOCKS[name]}" for name in names)


def _stages(stages: dict[str, str]) -> str:
    return ", ".join(f"{slot} {filling}" for slot, filling in stages.items())
