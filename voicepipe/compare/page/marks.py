"""How a variant and a step of a turn look wherever they are drawn: colour, and never colour alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from voicepipe.compare.latencies import STAGE_LABELS
from voicepipe.compare.measured import Interval, MeasuredTurn
from voicepipe.compare.page.html import Html, tag
from voicepipe.compare.page.numbers import ms, took
from voicepipe.observe.timeline import Step

COLOURS = tuple(f"var(--s{number})" for number in range(1, 9))
DASHES: tuple[tuple[int, ...], ...] = (
    (),
    (7, 3),
    (2, 2),
    (9, 3, 2, 3),
    (5, 2),
    (1, 3),
    (12, 4),
    (6, 2, 2, 2),
)
SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)

FAMILIES: Mapping[str, tuple[str, tuple[Step, ...]]] = {
    "wait": ("end of turn", ("vad", "endpoint")),
    "stt": ("words final", ("stt",)),
    "llm": ("LLM, up to something to speak", ("llm_queue", "llm_first_token", "llm", "chunk")),
    "tools": ("tools", ("tools",)),
    "tts": ("TTS", ("tts_first_audio", "audible")),
    "playout": ("playout", ("playout",)),
}
"""Steps of one colour, since a reader tells six colours apart, not eleven; a bar tells its steps in words."""

FAMILY: Mapping[Step, str] = {step: family for family, (_, steps) in FAMILIES.items() for step in steps}

SHORT: Mapping[Step, str] = {
    "vad": "vad",
    "endpoint": "wait",
    "stt": "STT",
    "llm_queue": "queue",
    "llm_first_token": "LLM",
    "llm": "LLM …",
    "tools": "tools",
    "chunk": "chunk",
    "tts_first_audio": "TTS",
    "audible": "audible",
    "playout": "out",
}
"""What fits into a bar."""

WIDE_ENOUGH = 8.0
"""Percent of the bar, for its name to be written into a step."""


@dataclass(frozen=True, slots=True)
class Piece:
    """``step`` from ``start_ns`` of the bar on."""

    step: Step
    start_ns: int | Fraction
    duration_ns: int | Fraction


def colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def dashes(index: int) -> tuple[int, ...]:
    """Of its line; with its colour no two of 64 variants are alike."""
    return DASHES[_second(index)]


def shape(index: int) -> str:
    """Of its points; likewise."""
    return SHAPES[_second(index)]


def _second(index: int) -> int:
    """Another order of eight than that of the colours."""
    return (index + index // len(COLOURS)) % len(COLOURS)


def swatch(index: int) -> Html:
    """The line that stands for a variant."""
    dash = " ".join(map(str, dashes(index)))
    line = tag(
        "line", x1=0, x2=26, y1=6, y2=6, stroke=colour(index), stroke_width=3, stroke_dasharray=dash or None
    )
    return tag("svg", line, class_="swatch", viewBox="0 0 26 12", aria_hidden="true")


def definitions() -> Html:
    """The hatchings: once in a page, before the first bar."""
    patterns = [
        tag(
            "pattern",
            tag("path", d="M-1 6L6 -1M2 9L9 2", stroke=f"var(--{family})", stroke_width=2.2),
            id=f"ahead-{family}",
            width=6,
            height=6,
            patternUnits="userSpaceOnUse",
        )
        for family in FAMILIES
    ]
    return tag("svg", tag("defs", patterns), class_="defs", width=0, height=0, aria_hidden="true")


def legend() -> Html:
    """What the parts of a bar are."""
    shown = [
        tag("li", _sample(tag("rect", class_=f"of-{family}", width=26, height=12)), " ", label)
        for family, (label, _) in FAMILIES.items()
    ]
    hatched = _sample(tag("rect", fill="url(#ahead-llm)", width=26, height=12))
    return tag("ul", shown, tag("li", hatched, " done ahead: nobody waited for it"), class_="legend")


def bar(pieces: Sequence[Piece], ahead: Sequence[Piece], scale_ns: int | Fraction) -> Html:
    """One turn from left to right; the whole width is ``scale_ns``. It says in words what it shows."""
    scale = float(scale_ns) or 1.0
    drawn = [_drawn(piece, scale) for piece in pieces if piece.duration_ns]
    hatched = [
        tag(
            "rect",
            x=_at(piece.start_ns, scale),
            width=_at(piece.duration_ns, scale),
            y=18,
            height=6,
            fill=f"url(#ahead-{FAMILY[piece.step]})",
        )
        for piece in ahead
    ]
    return tag("svg", tag("title", _told(pieces, ahead)), drawn, hatched, class_="steps", role="img")


def of_turn(turn: MeasuredTurn) -> tuple[list[Piece], list[Piece]]:
    """The waterfall of ``turn``, and what was done ahead, from the end of the caller's speech on."""

    def pieces(parts: Sequence[Interval]) -> list[Piece]:
        return [Piece(part.step, part.start_ns - turn.start_ns, part.duration_ns) for part in parts]

    return pieces(turn.waterfall), pieces(turn.ahead)


def _drawn(piece: Piece, scale: float) -> Html:
    x, width = _at(piece.start_ns, scale), _at(piece.duration_ns, scale)
    if float(piece.duration_ns) / scale * 100 < WIDE_ENOUGH:
        return tag("rect", class_=f"of-{FAMILY[piece.step]}", x=x, width=width, height=16)
    label = tag("text", SHORT[piece.step], x=4, y=12)
    box = tag("rect", class_=f"of-{FAMILY[piece.step]}", width="100%", height=16)
    return tag("svg", box, label, x=x, width=width, height=16)


def _at(nanoseconds: int | Fraction, scale: float) -> str:
    return f"{max(0.0, float(nanoseconds) / scale * 100):.1f}%"


def _told(pieces: Sequence[Piece], ahead: Sequence[Piece]) -> str:
    whole = took(sum(piece.duration_ns for piece in pieces))
    parts = "; ".join(f"{STAGE_LABELS[piece.step]} {ms(piece.duration_ns)}" for piece in pieces)
    done = "; ".join(f"{STAGE_LABELS[piece.step]} {ms(piece.duration_ns)}" for piece in ahead)
    return f"{whole}: {parts}" + (f". Ahead: {done}" if done else "")


def _sample(shape: Html) -> Html:
    return tag("svg", shape, class_="swatch", viewBox="0 0 26 12", aria_hidden="true")
