"""The calls, one by one: each turn on all variants, and each variant's call to listen to.

Of the repetitions of a call on a variant two are shown at most: the typical one, whose mean latency is the
middle one, and the one with the slowest turn, if that is much slower. What isn't shown is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from voicepipe.compare.measured import CallInfo, MeasuredCall, MeasuredTurn
from voicepipe.compare.page.audio import Recording
from voicepipe.compare.page.html import Html, join, said, tag
from voicepipe.compare.page.lines import transcript
from voicepipe.compare.page.marks import bar, of_turn
from voicepipe.compare.page.numbers import NOTHING, plural, took
from voicepipe.compare.page.tables import Column, Columns, clocks, named
from voicepipe.compare.page.words import Words
from voicepipe.core.units import SECOND

MAX_TURNS = 30
"""Of one call, held against each other."""

LEAD_IN = 1.5
"""Seconds of the caller's words that an A/B begins with."""

TAIL = 3.0
"""Seconds of the reply that it plays."""

WORTH_SHOWING = 1.1
"""Times as long as in the typical call: so much slower the slowest turn of another one has to be."""

Held = Mapping[tuple[str, str], Sequence[MeasuredCall]]
"""(Variant, call) → its repetitions."""

Why = Callable[[MeasuredCall], Mapping[int, str]]
"""Sentences for the slow turns of a call."""


class Shown(NamedTuple):
    """``worst`` is None if it is the typical one, or there is but one."""

    column: Column
    typical: MeasuredCall
    worst: MeasuredCall | None
    repetitions: int


@dataclass(frozen=True, slots=True)
class Listening:
    """What there is to listen to, by ``key_of``, and how words are shown."""

    recordings: Mapping[str, Recording]
    words: Words
    why: Why


def key_of(call: MeasuredCall, column: int, number: int) -> str:
    """The id of a call's recording: ``number`` is that of the call's script."""
    return f"call-{number}-{column}-{call.repetition}"


def shown(held: Held, call: str, columns: Columns) -> list[Shown]:
    """What is shown of ``call``, of each variant that held it."""
    found = []
    for column in columns:
        repetitions = held.get((column.figures.name, call), ())
        if repetitions:
            typical = sorted(repetitions, key=_mean)[(len(repetitions) - 1) // 2]
            slowest = max(repetitions, key=_slowest)
            worst = slowest if _slowest(slowest) > WORTH_SHOWING * _slowest(typical) else None
            found.append(Shown(column, typical, worst, len(repetitions)))
    return found


def one_call(
    info: CallInfo, number: int, parts: Sequence[Shown], listening: Listening, *, named_here: bool = True
) -> Html:
    """The whole section of one call; ``named_here``: links to the call lead there."""
    rows = list(_turn_by_turn(parts, listening))
    cut = max(0, max((len(_spoken(part.typical)) for part in parts), default=0) - MAX_TURNS)
    on = f"on {plural(len(parts), 'variant')}; {clocks([part.column for part in parts])}"
    heading = f"{info.kind}, {info.speech_ns / SECOND:.0f} s of the caller, {on}"
    return tag(
        "section",
        tag("h3", said(info.name, 120)),
        tag("p", heading, class_="note"),
        rows,
        tag("p", f"{plural(cut, 'further turn')} not shown.", class_="note") if cut else None,
        _a_b(parts, number, listening),
        [_of_variant(part, number, listening) for part in parts],
        id=f"call-{number}" if named_here else None,
        class_="call",
    )


# ── turn by turn ─────────────────────────────────────────────────────────────────────────────────


def _turn_by_turn(parts: Sequence[Shown], listening: Listening) -> Iterator[Html]:
    turns = [(part, _spoken(part.typical)) for part in parts]
    scale = max((turn.voice_to_voice_ns or 0 for _, spoken in turns for turn in spoken), default=0)
    whys = {part.column.index: listening.why(part.typical) for part in parts}
    for index in range(min(MAX_TURNS, max((len(spoken) for _, spoken in turns), default=0))):
        there = [(part, spoken[index]) for part, spoken in turns if index < len(spoken)]
        rows = [_way(part, turn, scale) for part, turn in there]
        reasons = [
            tag("p", tag("b", said(part.column.figures.name, 40)), ": ", sentence, class_="why")
            for part, turn in there
            if (sentence := whys[part.column.index].get(turn.turn)) is not None
        ]
        asked = tag("p", tag("b", f"{index + 1}."), " ", listening.words.text(there[0][1].user, 200))
        yield tag("div", asked, rows, reasons, class_="turn")


def _way(part: Shown, turn: MeasuredTurn, scale: int) -> Html:
    if turn.voice_to_voice_ns is None:
        drawn, total = tag("span", "nothing was heard", class_="note"), NOTHING
        if turn.answered:
            drawn = tag("span", f"no latency: {_why_none(turn)}", class_="note")
    else:
        drawn, total = bar(*of_turn(turn), scale), took(turn.voice_to_voice_ns)
    mark = "" if turn.answered else tag("small", " not answered", class_="bad")
    return tag("div", tag("span", named(part.column), mark), drawn, tag("span", total), class_="way")


def _why_none(turn: MeasuredTurn) -> str:
    """Of a turn that got what was due."""
    if turn.spoken and turn.status == "interrupted":
        return "the caller went on before the reply was heard"
    return "it wasn't spoken, or ended the call"


# ── A/B ──────────────────────────────────────────────────────────────────────────────────────────


class Pair(NamedTuple):
    """The turn, counted from 0, at which two variants differ most; the sooner one first."""

    difference_ns: int
    turn: int
    one: tuple[Shown, MeasuredTurn]
    other: tuple[Shown, MeasuredTurn]


def worst_pair(parts: Sequence[Shown]) -> Pair | None:
    """Of the typical calls; None if no turn was answered on two variants.

    Only calls of as many turns are held against each other: where an agent cut in, what was one turn for the
    others became two. So it is looked for where most variants agree.
    """
    alike: dict[int, list[Shown]] = {}
    for part in parts:
        alike.setdefault(len(_spoken(part.typical)), []).append(part)
    pairs = [(len(some), pair) for some in alike.values() if (pair := _furthest_apart(some)) is not None]
    return max(pairs, key=lambda one: (one[0], one[1].difference_ns))[1] if pairs else None


def _furthest_apart(parts: Sequence[Shown]) -> Pair | None:
    """Turn by turn, in their order."""
    pairs = []
    lists = [(part, _spoken(part.typical)) for part in parts]
    for index in range(max((len(spoken) for _, spoken in lists), default=0)):
        there = [(part, spoken[index]) for part, spoken in lists if index < len(spoken)]
        timed = sorted(
            (one for one in there if one[1].voice_to_voice_ns is not None),
            key=lambda one: one[1].voice_to_voice_ns or 0,
        )
        if len(timed) > 1:
            gap = (timed[-1][1].voice_to_voice_ns or 0) - (timed[0][1].voice_to_voice_ns or 0)
            pairs.append(Pair(gap, index, timed[0], timed[-1]))
    return max(pairs, key=lambda pair: pair.difference_ns, default=None)


def _a_b(parts: Sequence[Shown], number: int, listening: Listening) -> Html | None:
    audible = [p for p in parts if key_of(p.typical, p.column.index, number) in listening.recordings]
    pair = worst_pair(audible) or _furthest_apart(audible)
    if pair is None:
        return None
    buttons = [_side(part, turn, number) for part, turn in (pair.one, pair.other)]
    return tag(
        "div",
        tag(
            "p",
            f"A/B at turn {pair.turn + 1}, where the two differ most ({took(pair.difference_ns)}). "
            "Play one, and change to the other at the same moment with ",
            tag("kbd", "x"),
            ".",
        ),
        buttons,
        class_="ab",
        data_ab=True,
        role="group",
        aria_label=f"A/B at turn {pair.turn + 1}",
    )


def _side(part: Shown, turn: MeasuredTurn, number: int) -> Html:
    start = max(0.0, turn.start_ns / SECOND - LEAD_IN)
    length = turn.start_ns / SECOND - start + (turn.voice_to_voice_ns or 0) / SECOND + TAIL
    return tag(
        "button",
        "▶ ",
        named(part.column),
        type="button",
        disabled=True,
        aria_pressed="false",
        data_recording=key_of(part.typical, part.column.index, number),
        data_from=f"{start:.2f}",
        data_length=f"{length:.2f}",
    )


# ── one variant ──────────────────────────────────────────────────────────────────────────────────


def _of_variant(part: Shown, number: int, listening: Listening) -> Html:
    hidden = part.repetitions - 1 - (part.worst is not None)
    note = "" if part.repetitions == 1 else f"repetition {part.typical.repetition + 1}, a typical one"
    body = [_held(part.typical, part, number, listening)]
    if part.worst is not None:
        title = f"Repetition {part.worst.repetition + 1}, with the slowest turn"
        body.append(join(tag("h4", title), _held(part.worst, part, number, listening, bars=True)))
    if hidden:
        body.append(tag("p", f"{plural(hidden, 'further repetition')} not shown.", class_="note"))
    return tag(
        "details",
        tag("summary", named(part.column), _outcome(part.typical), tag("span", note, class_="note")),
        body,
    )


def _held(call: MeasuredCall, part: Shown, number: int, listening: Listening, *, bars: bool = False) -> Html:
    key = key_of(call, part.column.index, number)
    words = listening.words
    problems = [
        *(join("missed: ", words.text(one)) for one in call.missed),
        *(join("failed: ", words.text(one)) for one in call.failures),
        *([join("broke off: ", words.text(call.error))] if call.error is not None else []),
    ]
    return join(
        tag("ul", [tag("li", one, class_="bad") for one in problems]) if problems else None,
        transcript(
            call,
            listening.recordings.get(key),
            words,
            key=key,
            why=listening.why(call) if bars else None,
            scale_ns=_slowest(call) if bars else None,
        ),
    )


def _outcome(call: MeasuredCall) -> Html | None:
    if call.error is not None:
        return tag("span", " broke off", class_="bad")
    if call.passed is None:
        return None
    return tag("span", " ✓ passed", class_="good") if call.passed else tag("span", " ✗ missed", class_="bad")


def _spoken(call: MeasuredCall) -> list[MeasuredTurn]:
    return [turn for turn in call.turns if turn.user]


def _mean(call: MeasuredCall) -> float:
    found = [turn.voice_to_voice_ns for turn in call.turns if turn.voice_to_voice_ns is not None]
    return sum(found) / len(found) if found else float("inf")


def _slowest(call: MeasuredCall) -> int:
    return max((turn.voice_to_voice_ns or 0 for turn in call.turns), default=0)
