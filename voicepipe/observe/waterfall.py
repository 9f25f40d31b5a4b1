"""The latency of one turn as text: a row for each step, with its bars where it took place."""

from __future__ import annotations

from voicepipe.core.units import MS
from voicepipe.observe.timeline import STEPS, Contribution, Step, TurnTimeline

LABELS: dict[Step, str] = {
    "vad": "end of speech noticed",
    "endpoint": "end of turn",
    "stt": "words final",
    "llm_queue": "{llm} asked",
    "llm_first_token": "{llm} first token",
    "llm": "{llm}",
    "tools": "tools",
    "chunk": "first chunk",
    "tts_first_audio": "TTS first audio",
    "audible": "TTS audible",
    "playout": "playout",
}
"""``{llm}`` is the model's name, if it isn't simply a language model."""

_AMOUNT = len("59999 ms")
MIN_WIDTH = 74
"""Columns that the longest heading needs."""

_COLORS: dict[Step, int] = {
    "vad": 34,
    "endpoint": 34,
    "stt": 36,
    "llm_queue": 35,
    "llm_first_token": 35,
    "llm": 35,
    "tools": 33,
    "chunk": 32,
    "tts_first_audio": 32,
    "audible": 32,
    "playout": 37,
}
"""ANSI foreground colours; blue, cyan, magenta, yellow, green, white."""


def waterfall(
    turn: TurnTimeline,
    *,
    llm: str = "LLM",
    width: int = 78,
    color: bool = False,
    bar: str = "█",
    hatch: str = "░",
) -> str:
    """A heading and a row for each step that the turn took, at most ``width`` columns wide.

    What was done ahead is hatched: the caller didn't wait for it, so it isn't in the row's figure.

    ``llm`` is what its steps are labelled with, for what isn't a language model. ``color`` adds ANSI
    colours; ``bar`` and ``hatch`` are the characters of the bars, for terminals without Unicode. A width
    under ``MIN_WIDTH`` is taken for ``MIN_WIDTH``.
    """
    labels = {step: label.format(llm=llm) for step, label in LABELS.items()}
    widest = max(map(len, labels.values()))
    columns = max(width, MIN_WIDTH) - widest - _AMOUNT - 4
    rows = [_heading(turn) + (f" ({hatch} done ahead)" if turn.ahead else "")]
    for step in STEPS:
        parts = [part for part in turn.contributions if part.step == step]
        if parts:
            amount = _ms(sum(part.duration_ns for part in parts))
            bars = _bars(turn, step, columns, bar, hatch)
            if color:
                bars = f"\x1b[{_COLORS[step]}m{bars}\x1b[0m"
            rows.append(f"  {labels[step]:<{widest}} {bars} {amount:>{_AMOUNT}}")
    return "\n".join(rows)


def _heading(turn: TurnTimeline) -> str:
    begin = "end of speech" if turn.spoken else "turn began"
    if turn.estimated:
        begin += " (estimated)"
    if turn.audible:
        return f"{begin} → first audio{', a filler' if turn.filler else ''}: {_ms(turn.total_ns)}"
    return f"{begin}; nothing was heard after {_ms(turn.total_ns)}"


def _bars(turn: TurnTimeline, step: Step, columns: int, bar: str, hatch: str) -> str:
    row = [" "] * columns
    for parts, character in ((turn.ahead, hatch), (turn.contributions, bar)):
        for part in parts:
            if part.step == step and part.duration_ns:
                first, last = _columns(turn, part, columns)
                row[first:last] = character * (last - first)
    return "".join(row)


def _columns(turn: TurnTimeline, part: Contribution, columns: int) -> tuple[int, int]:
    """From which column to which; what took any time at all is seen."""
    start = part.start_ns - turn.start_ns
    first = min(_column(start, turn.total_ns, columns), columns - 1)
    last = min(_column(start + part.duration_ns, turn.total_ns, columns), columns)
    return first, max(last, first + 1)


def _column(offset_ns: int, total_ns: int, columns: int) -> int:
    return offset_ns * columns // total_ns if total_ns else 0


def _ms(nanoseconds: int) -> str:
    """Tenths of a millisecond where they matter, and seconds where a minute has passed."""
    ms = nanoseconds / MS
    if ms >= 60_000:
        return f"{ms / 1000:.0f} s"
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"
