"""The report of a comparison: the verdict in words, then every figure, then each call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from voicepipe.compare.figures import Figures
from voicepipe.compare.measured import CallInfo, Comparison, MeasuredCall
from voicepipe.compare.page.audio import Recording, recordings
from voicepipe.compare.page.calls import Held, Listening, key_of, one_call, shown, worst_pair
from voicepipe.compare.page.document import document
from voicepipe.compare.page.facts import about, definitions_of_figures
from voicepipe.compare.page.html import Html, Node, Nodes, join, said, tag
from voicepipe.compare.page.marks import definitions, legend
from voicepipe.compare.page.missed import missed_table
from voicepipe.compare.page.numbers import plural, took, unbroken
from voicepipe.compare.page.plots import distributions, scatter
from voicepipe.compare.page.tables import (
    Column,
    Columns,
    clocks,
    figures_table,
    outcomes_table,
    stages_bars,
    stages_table,
)
from voicepipe.compare.page.what_if import what_if
from voicepipe.compare.page.words import Words
from voicepipe.compare.verdict import Verdict
from voicepipe.compare.why import whys

ROOM = 2 << 20
"""Characters for the calls, without their audio: the whole page stays below 3 MB."""

SIMULATED = (
    "Simulated: {} talks to a server that only plays a vendor's part. Its figures show that everything is "
    "wired up, and say nothing about that vendor. "
)
NOT_JUDGED = "The verdict isn't about these variants."

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
    limits_ns: Mapping[str, int] | None = None,
) -> str:
    """One HTML file that needs nothing else. ``folder`` is where the calls' recordings lie.

    ``redact`` leaves out what was said, by whomever, and with it the audio. ``limits_ns``: variant → what its
    pipeline allows voice to voice to take, beyond which a turn is slow.

    Raises ``SetupError`` if the package that draws isn't installed.
    """
    columns = [Column(index, one) for index, one in enumerate(figures.variants) if one.info.left_out is None]
    main = [column for column in columns if not column.figures.info.section]
    held = _held(comparison)
    kept, silent = _recordings(comparison, held, columns, folder) if audio and not redact else ({}, 0)
    listening = Listening(kept, Words(redact), partial(whys, figures=figures, limits_ns=limits_ns))
    calls = _Calls(comparison, held, listening)
    body: list[Node] = [
        definitions(),
        tag("h1", said(comparison.title, 200)),
        _subtitle(comparison, columns),
        _verdict(verdict),
        _warnings(verdict, silent, _errors(comparison) if redact else None),
        _section("figures", "All figures", figures_table(main)),
        *_sections(
            main,
            verdict,
            missed_table(main, comparison.measured, listening.words),
            _worst_turn(comparison.calls, held, main),
        ),
        _section("calls", "Call by call", legend(), calls(main)),
        *_apart(columns, calls),
        _section("about", "How this was measured", about(comparison), definitions_of_figures()),
    ]
    return document(comparison.title, body, contents=CONTENTS)


def _held(comparison: Comparison) -> Held:
    held: dict[tuple[str, str], list[MeasuredCall]] = {}
    for call in comparison.measured:
        held.setdefault((call.variant, call.call), []).append(call)
    return held


def _recordings(
    comparison: Comparison, held: Held, columns: Columns, folder: Path
) -> tuple[dict[str, Recording], int]:
    """Those of the calls that are shown, typical ones first, and how many of them didn't fit."""
    parts = [
        (number, part)
        for number, info in enumerate(comparison.calls)
        for part in shown(held, info.name, columns)
    ]
    typical = [(number, part, part.typical) for number, part in parts]
    worst = [(number, part, part.worst) for number, part in parts if part.worst is not None]
    files = {
        key_of(call, part.column.index, number): folder / call.audio
        for number, part, call in (*typical, *worst)
        if call.audio is not None
    }
    kept, missing = recordings(files)
    return kept, len(missing)


# ── what stands above the figures ────────────────────────────────────────────────────────────────


def _subtitle(comparison: Comparison, columns: Columns) -> Html:
    told = (
        f"{plural(len(columns), 'variant')}, {plural(len(comparison.calls), 'call')}, "
        f"{plural(comparison.repetitions, 'repetition')}; {clocks(columns)}; "
        f"{comparison.environment.began}"
    )
    return tag("p", told, class_="note")


def _verdict(verdict: Verdict) -> Html:
    sentences = tag("ul", [tag("li", said(unbroken(one))) for one in verdict.sentences], class_="verdict")
    return tag("section", tag("h2", "Verdict"), sentences, id="verdict")


def _errors(comparison: Comparison) -> list[str]:
    """What may quote somebody: why calls broke off."""
    return [call.error.rstrip(".") for call in comparison.measured if call.error]


def _warnings(verdict: Verdict, silent: int, redacted: Sequence[str] | None) -> Html | None:
    """``redacted``: what has to be left out; None if nothing has to."""
    told = list(verdict.cautions)
    if silent:
        told.append(f"{plural(silent, 'recording')} left out: too much audio for one page, or unreadable.")
    if redacted is not None:
        for error in redacted:
            told = [sentence.replace(error, "[left out]") for sentence in told]
        told.append("What was said is left out of this page, and so is the audio.")
    items = [tag("li", said(unbroken(one))) for one in told]
    return tag("ul", items, class_="warnings", aria_label="Cautions") if items else None


# ── the figures ──────────────────────────────────────────────────────────────────────────────────


def _sections(columns: Columns, verdict: Verdict, missed: Html | None, worst: Html | None) -> Iterator[Html]:
    nothing = tag("p", "No turn was answered, so there is no latency.", class_="note")
    yield _section("latency", "How long callers waited", distributions(columns) or nothing, worst)
    unknown = tag("p", _why_no_scatter(columns), class_="note")
    yield _section("cost", "Cost against latency", scatter(columns, verdict.front) or unknown)
    yield _section("outcomes", "Success and interruptions", outcomes_table(columns), missed)
    yield _section("stages", "Where the time went", stages_bars(columns), stages_table(columns))
    yield _section("month", "What would a month cost?", what_if(columns))


def _why_no_scatter(columns: Columns) -> str:
    known = [c for c in columns if c.figures.cost.per_call is not None and c.figures.voice_to_voice.p50]
    if len(known) < 2:
        return f"Cost and latency are both known of {plural(len(known), 'variant')}; a plot needs two."
    return "None of the variants cost anything."


def _worst_turn(scripts: Sequence[CallInfo], held: Held, columns: Columns) -> Html | None:
    """Where two variants differ most of all, and the way there."""
    pairs = [
        (pair, number, info)
        for number, info in enumerate(scripts)
        if (pair := worst_pair(shown(held, info.name, columns))) is not None
    ]
    if not pairs:
        return None
    pair, number, info = max(pairs, key=lambda one: one[0].difference_ns)
    names = [said(part.column.figures.name, 60) for part, _ in (pair.one, pair.other)]
    where = tag("a", f"turn {pair.turn + 1} of ", said(info.name, 120), href=f"#call-{number}")
    behind = f": by {took(pair.difference_ns)}."
    return tag(
        "p", "In their typical calls, ", names[1], " is furthest behind ", names[0], " at ", where, behind
    )


def _apart(columns: Columns, calls: Callable[[Columns], Iterator[Html]]) -> Iterator[Html]:
    """The sections that the verdict isn't about, each with its own calls."""
    titles = dict.fromkeys(column.figures.info.section for column in columns if column.figures.info.section)
    for number, title in enumerate(titles):
        inside = [column for column in columns if column.figures.info.section == title]
        stand_ins = [column.figures.name for column in inside if column.figures.info.stand_in]
        yield tag(
            "section",
            tag("h2", said(title, 120)),
            tag("p", *(SIMULATED.format(name) for name in stand_ins), NOT_JUDGED),
            figures_table(inside),
            distributions(inside),
            stages_bars(inside),
            outcomes_table(inside),
            calls(inside),
            id=f"apart-{number}",
            class_="stand-in" if stand_ins else "apart",
        )


# ── the calls ────────────────────────────────────────────────────────────────────────────────────


class _Calls:
    """The sections of the calls, as many as the page has room for."""

    def __init__(self, comparison: Comparison, held: Held, listening: Listening) -> None:
        self._scripts = comparison.calls
        self._held = held
        self._listening = listening
        self._left = ROOM

    def __call__(self, columns: Columns) -> Iterator[Html]:
        missing = []
        for number, info in enumerate(self._scripts):
            parts = shown(self._held, info.name, columns)
            if not parts:
                continue
            judged = not columns[0].figures.info.section
            section = one_call(info, number, parts, self._listening, named_here=judged)
            keys = (key_of(c, p.column.index, number) for p in parts for c in (p.typical, p.worst) if c)
            heard = sum(len(one.url) for key in keys if (one := self._listening.recordings.get(key)))
            if len(section) - heard > self._left:
                missing.append(info.name)
                continue
            self._left -= len(section) - heard
            yield section
        if missing:
            names = tag("span", said(", ".join(missing)))
            yield tag("p", "In all figures, but not shown, to keep this page small: ", names, class_="note")


def _section(name: str, title: str, *children: Nodes) -> Html:
    return tag("section", tag("h2", title), join(*children), id=name)
