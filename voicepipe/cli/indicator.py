"""One line that says what the agent is doing, how loud the microphone is, and which keys there are."""

from __future__ import annotations

from dataclasses import dataclass

from voicepipe.cli.terminal import Terminal
from voicepipe.speech.policy import State

CELLS = 8
"""Of the level meter."""

QUIETEST, LOUDEST = -60.0, -12.0
"""dBFS at which the meter is empty and full: the noise of a quiet room, and speech close by."""

KEYS = (("r", "repeat"), ("s", "skip"), ("q", "quit"))


@dataclass(frozen=True, slots=True)
class _Look:
    word: str
    mark: str
    colour: str


_LISTENING = _Look("listening", "●", "green")
_SPEAKING = _Look("speaking", "▶", "cyan")
_THINKING = _Look("thinking", "◆", "yellow")
_LOOKS = {
    State.IDLE: _LISTENING,
    State.LISTENING: _LISTENING,
    State.ENDPOINTING: _LISTENING,
    State.TRANSCRIBING: _THINKING,
    State.PROCESSING: _THINKING,
    State.WAITING_FOR_TOOL: _Look("working", "◆", "yellow"),
    State.SPEAKING: _SPEAKING,
    State.DUCKED: _SPEAKING,
    State.PAUSED: _LISTENING,
    State.HELD: _LISTENING,
    State.ERROR: _SPEAKING,
}
_MUTED = _Look("muted", "○", "red")
_OFF = f"{'mic off':<{CELLS}}"
_WIDEST = max(len(look.word) for look in (*_LOOKS.values(), _MUTED))


def indicator(
    terminal: Terminal, state: State, level_dbfs: float, *, muted: bool, push_to_talk: bool, keys: bool
) -> str:
    """The line. ``push_to_talk``: the space bar opens the microphone; ``keys``: show them."""
    look = _MUTED if muted and _LOOKS[state] is _LISTENING else _LOOKS[state]
    mark = look.mark if terminal.unicode else "*"
    parts = [terminal.style(f"{mark} {look.word:<{_WIDEST}}", "bold", look.colour)]
    parts.append(terminal.style(_OFF, "red") if muted else _meter(terminal, level_dbfs))
    if keys:
        first = ("m", "unmute" if muted else "mute")
        if push_to_talk:
            first = ("space", "talk" if muted else "done")
        shown = [
            f"{terminal.style(key, 'bold')} {terminal.style(what, 'dim')}" for key, what in (first, *KEYS)
        ]
        parts.append("  ".join(shown))
    return "  ".join(parts)


def _meter(terminal: Terminal, level_dbfs: float) -> str:
    share = (level_dbfs - QUIETEST) / (LOUDEST - QUIETEST)
    filled = min(CELLS, max(0, round(share * CELLS)))
    full, empty = ("▮", "▯") if terminal.unicode else ("#", ".")
    return terminal.style(full * filled, "green") + terminal.style(empty * (CELLS - filled), "dim")
