"""The report of a comparison: the verdict in words, then every figure, then each call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from voicepipe.compare.figures import Figures
from voicepipe.compare.measured import Comparison, MeasuredCall
from voicepipe.compare.page.audio import MAX_BYTES, recordings
from voicepipe.compare.page.calls import Held, Listening, Shown, Why, key_of, one_call, shown
from voicepipe.compare.page.document import document
from voicepipe.compare.page.facts import about, definitions_of_figures
from voicepipe.compare.page.html import Html, Node, join, said, tag
from voicepipe.compare.page.marks import definitions, legend
from voicepipe.compare.page.numbers import plural
from voicepipe.compare.page.plots import distributions, scatter
from voicepipe.compare.page.tables import (
    Column,
    Columns,
    figures_table,
    outcomes_table,
    stages_bars,
    stages_table,
)
from voicepipe.compare.page.what_if import what_if
from voicepipe.compare.page.words import Words
from voicepipe.compare.verdict import Verdict

ROOM = 2 << 20
"""Characters for the calls, without their audio: the whole page stays below 3 MB."""

CONTENTS = (
    ("verdict", "Verdict"),
    ("figures", "Figures"),
    ("latency", "Latency"),
    ("cost", "Cost"),
    ("outcomes", "Outcomes"),
    ("stages", "Stages"),
    ("month", "What if"),
    ("calls", "Calls"),
    ("about", "About"),
)


def page(
    comparison: Comparison,
    figures: Figures,
    verdict: Verdict,
    *,
    folder: Path,
    redact: bool = False,
    audio: bool = True,
    why: Why = lambda call: {},
) -> str:
    """One HTML file that needs nothing else. ``folder`` is where the calls' recordings lie.

    ``redact`` leaves out what was said, by whomever, and with it the audio; ``why`` explains slow turns.

    Raises ``SetupError`` if the package that draws isn't installed.
    """
    columns = [Column(index, one) for index, one in enumerate(figures.variants) if one.info.left_out is None]
    main = [column for column in columns if not column.figures.info.section]
    held = _held(comparison)
    listening, silent = _listening(
        comparison, held, columns, folder, Words(redact), audio and not redact, why
    )
    body: list[Node] = [
        definitions(),
        tag("h1", said(comparison.title, 200)),
        _subtitle(comparison, columns),
        _verdict(verdict),
        _warnings(verdict, silent, redact),
        _section("figures", "All figures", figures_table(main)),
        *_sections(main, verdict),
        *_apart(columns),
        _section("calls", "Call by call", *_calls(comparison, held, columns, listening)),
        _section("about", "How this was measured", about(comparison), definitions_of_figures()),
    ]
    return document(comparison.title, body, contents=CONTENTS)


def _held(comparison: Comparison) -> Held:
    held: dict[tuple[str, str], list[MeasuredCall]] = {}
    for call in comparison.measured:
        held.setdefault((call.variant, call.call), []).append(call)
    return held


def _listening(
    comparison: Comparison,
    held: Held,
    columns: Columns,
    folder: Path,
    words: Words,
    audio: bool,
    why: Why,
) -> tuple[Listening, int]:
    """The recordings of the calls that are shown, and how many of those didn't fit; typical ones first."""
    files: dict[str, Path] = {}
    parts = [
        (number, part)
        for number, info in enumerate(comparison.calls)
        for part in shown(held, info.name, columns)
    ]
    if audio:
        typical = [(number, part, part.typical) for number, part in parts]
        worst = [(number, part, part.worst) for number, part in parts if part.worst is not None]
        for number, part, call in (*typical, *worst):
            if call.audio is not None:
                files[key_of(call, part.column.index, number)] = folder / call.audio
    kept, missing = recordings(files, MAX_BYTES)
    return Listening(kept, words, why), len(missing)


# ── what stands above the figures ────────────────────────────────────────────────────────────────


def _subtitle(comparison: Comparison, columns: Columns) -> Html:
    clocks = " and ".join(dict.fromkeys(column.figures.clock for column in columns))
    told = (
        f"{plural(len(columns), 'variant')}, {plural(len(comparison.calls), 'call')}, "
        f"{plural(comparison.repetitions, 'repetition')}; {clocks or 'no'} clock; "
        f"{comparison.environment.began}"
    )
    return tag("p", told, class_="note")


def _verdict(verdict: Verdict) -> Html:
    sentences = tag("ul", [tag("li", said(one)) for one in verdict.sentences], class_="verdict")
    return tag("section", tag("h2", "Verdict"), sentences, id="verdict")


def _warnings(verdict: Verdict, silent: int, redact: bool) -> Html | None:
    told = list(verdict.cautions)
    if silent:
        told.append(f"{plural(silent, 'recording')} left out: too much audio for one page, or unreadable.")
    if redact:
        told.append("What was said is left out of this page, and so is the audio.")
    items = [tag("li", said(one)) for one in told]
    return tag("ul", items, class_="warnings", aria_label="Cautions") if items else None


# ── the figures ──────────────────────────────────────────────────────────────────────────────────


def _sections(columns: Columns, verdict: Verdict) -> Iterator[Html]:
    spread = distributions(columns) or tag(
        "p", "No turn was answered, so there is no latency.", class_="note"
    )
    yield _section("latency", "How long callers waited", spread)
    against = scatter(columns, verdict.front) or tag(
        "p", "Cost and latency are known of fewer than two variants, or nothing cost anything.", class_="note"
    )
    yield _section("cost", "Cost against latency", against)
    yield _section("outcomes", "Success and interruptions", outcomes_table(columns))
    yield _section("stages", "Where the time went", stages_bars(columns), stages_table(columns))
    yield _section("month", "What would a month cost?", what_if(columns))


def _apart(columns: Columns) -> Iterator[Html]:
    """The sections that the verdict isn't about."""
    titles = dict.fromkeys(column.figures.info.section for column in columns if column.figures.info.section)
    for number, title in enumerate(titles):
        inside = [column for column in columns if column.figures.info.section == title]
        stand_in = any(column.figures.info.stand_in for column in inside)
        note = "The verdict isn't about these variants."
        if stand_in:
            note = (
                "Simulated: these variants talk to a server that only plays a vendor's part. Their figures "
                f"show that everything is wired up, and say nothing about that vendor. {note}"
            )
        yield tag(
            "section",
            tag("h2", said(title, 120)),
            tag("p", note),
            figures_table(inside),
            distributions(inside),
            stages_bars(inside),
            id=f"apart-{number}",
            class_="stand-in" if stand_in else "apart",
        )


# ── the calls ────────────────────────────────────────────────────────────────────────────────────


def _calls(comparison: Comparison, held: Held, columns: Columns, listening: Listening) -> Iterator[Html]:
    yield legend()
    left, missing = ROOM, []
    for number, info in enumerate(comparison.calls):
        parts: list[Shown] = shown(held, info.name, columns)
        if not parts:
            continue
        section = one_call(info, number, parts, listening)
        heard = sum(len(one.url) for key, one in listening.recordings.items() if key in section)
        if len(section) - heard > left:
            missing.append(info.name)
            continue
        left -= len(section) - heard
        yield section
    if missing:
        yield tag(
            "p",
            f"Not shown, to keep this page small: {', '.join(missing)}. ",
            "They are in all figures.",
            class_="note",
        )


def _section(name: str, title: str, *children: Node) -> Html:
    return tag("section", tag("h2", title), join(children), id=name)
