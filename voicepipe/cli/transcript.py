"""The call as people read it while it goes on: who says what, and which tools are called."""

from __future__ import annotations

import json
from typing import Any

from voicepipe.cli.terminal import Terminal, printable, printable_lines
from voicepipe.core.frames import Text, Transcript
from voicepipe.core.records import Failed, ToolFinished, ToolStarted, TurnBegan, TurnEnded

WIDTH = 7
"""Of the column that says who is speaking."""

WIDEST = 500
"""Characters of a reply that are kept for the line in which it grows: no terminal is wider."""

LONGEST_RESULT = 200
"""Characters of a tool's result that are shown."""


class LiveTranscript:
    """An observer of a call. ``caller`` is what the caller's lines are labelled with."""

    def __init__(self, terminal: Terminal, *, caller: str = "you") -> None:
        self._terminal = terminal
        self._caller = caller
        self._reply = ""

    def __call__(self, at_ns: int, event: Any) -> None:
        if isinstance(event, Transcript):
            if not event.final and event.text:
                self._terminal.status(printable(event.text) + " …", label=self._label(self._caller, "cyan"))
        elif isinstance(event, TurnBegan):
            self._reply = ""
            if event.user:
                self._terminal.line(self._label(self._caller, "cyan") + printable(event.user))
        elif isinstance(event, ToolStarted):
            self._terminal.line(
                self._label("tool", "yellow") + printable(call_text(event.name, event.arguments))
            )
        elif isinstance(event, ToolFinished):
            self._tool_finished(event)
        elif isinstance(event, Text):
            self._reply = (self._reply + event.text)[-WIDEST:]
            self._terminal.status(printable(self._reply), label=self._label("agent", "green"))
        elif isinstance(event, TurnEnded):
            self._turn_ended(event)
        elif isinstance(event, Failed):
            self._terminal.error(self._label(event.stage, "red") + printable_lines(event.error))

    def _tool_finished(self, event: ToolFinished) -> None:
        shown = printable(event.result)
        if len(shown) > LONGEST_RESULT:
            shown = shown[:LONGEST_RESULT] + " …"
        colour = "red" if event.error else "dim"
        self._terminal.line(" " * WIDTH + self._terminal.style(f"→ {shown}", colour))

    def _turn_ended(self, event: TurnEnded) -> None:
        if event.said:
            self._terminal.line(self._label("agent", "green") + printable(event.said))
        if event.status == "interrupted" and event.heard != event.said:
            heard = (
                f"heard: {printable(event.heard)}" if event.heard else "interrupted before anything was heard"
            )
            self._terminal.line(" " * WIDTH + self._terminal.style(heard, "dim"))
        if event.error:
            self._terminal.error(self._label("error", "red") + printable_lines(event.error))

    def _label(self, who: str, colour: str) -> str:
        return self._terminal.style(f"{who:<{WIDTH}}", "bold", colour)


def call_text(name: str, arguments: dict[str, Any] | str) -> str:
    """A tool call as one would write it in Python: ``get_weather(city="Paris")``."""
    if isinstance(arguments, str):
        return f"{name}({arguments})"
    inner = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in arguments.items())
    return f"{name}({inner})"
