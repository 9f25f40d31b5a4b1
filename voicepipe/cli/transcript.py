"""The call as people read it while it goes on: who says what, and which tools are called."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from voicepipe.cli.terminal import Terminal, printable, printable_lines
from voicepipe.core.frames import UNRECOGNISED, Heard, Segment, Text, Transcript
from voicepipe.core.records import (
    DeadAir,
    Failed,
    ProviderSwitched,
    SpeechIgnored,
    ToolFinished,
    ToolStarted,
    TurnBegan,
    TurnDrafted,
    TurnEnded,
    TurnReworded,
)
from voicepipe.core.units import SECOND

WIDTH = 7
"""Of the column that says who is speaking."""

WIDEST = 500
"""Characters of a reply that are kept for the line in which it grows: no terminal is wider."""

LONGEST_RESULT = 200
"""Characters of a tool's result that are shown."""


MOST_HELD_BACK = 1000
"""Events of a draft that are kept until it is a turn; a reply that takes minutes to say."""

DISCARDED = 16
"""Drafts of which something may still be told after their end."""


class LiveTranscript:
    """An observer of a call. ``caller`` is what the caller's lines are labelled with.

    What is prepared while the caller may still go on is shown once it has become a turn, or never.
    """

    def __init__(self, terminal: Terminal, *, caller: str = "you") -> None:
        self._terminal = terminal
        self._caller = caller
        self._reply = ""
        self._draft: int | None = None
        self._held_back: list[Any] = []
        self._discarded: deque[int] = deque(maxlen=DISCARDED)
        self._notice: Segment | None = None
        """The last one that was heard."""
        self._anew = False
        """The turn that comes is the one before, begun anew."""

    def __call__(self, at_ns: int, event: Any) -> None:
        turn = getattr(event, "turn", None)
        if isinstance(event, TurnDrafted):
            self._draft, self._held_back = event.turn, []
        elif turn is None or turn not in (self._draft, *self._discarded):
            self._show(event)
        elif turn != self._draft:
            pass  # what is broken off of a draft may be told after its end
        elif isinstance(event, TurnBegan):
            for one in (event, *self._held_back):
                self._show(one)
            self._draft, self._held_back = None, []
        elif isinstance(event, TurnEnded):
            self._discarded.append(event.turn)
            self._draft, self._held_back = None, []
        elif isinstance(event, Text | ToolStarted | ToolFinished) and len(self._held_back) < MOST_HELD_BACK:
            self._held_back.append(event)

    def _show(self, event: Any) -> None:
        if isinstance(event, Transcript):
            if not event.final and event.text:
                self._terminal.status(printable(event.text) + " …", label=self._label(self._caller, "cyan"))
        elif isinstance(event, TurnBegan):
            self._reply = ""
            anew, self._anew = self._anew, False
            if event.user and not anew:
                self._terminal.line(self._label(self._caller, "cyan") + printable(event.user))
        elif isinstance(event, TurnReworded):
            self._terminal.line(self._label(self._caller, "cyan") + printable(event.user))
            self._show_reply()
        elif isinstance(event, ToolStarted):
            self._terminal.line(
                self._label("tool", "yellow") + printable(call_text(event.name, event.arguments))
            )
        elif isinstance(event, ToolFinished):
            self._tool_finished(event)
        elif isinstance(event, Text):
            self._reply = (self._reply + event.text)[-WIDEST:]
            self._show_reply()
        elif isinstance(event, SpeechIgnored):
            self._ignored(event)
        elif isinstance(event, TurnEnded) and event.status == "discarded":
            self._anew = True
            self._terminal.line(self._label("again", "yellow") + printable(event.error or ""))
        elif isinstance(event, TurnEnded):
            self._turn_ended(event)
        elif isinstance(event, DeadAir):
            told = f"for {event.silent_ns / SECOND:.1f} s, waiting for {event.stage}"
            self._terminal.line(self._label("silent", "yellow") + printable(told))
            self._show_reply()
        elif isinstance(event, ProviderSwitched):
            told = f"{event.slot}: {event.provider} instead of {event.previous} ({event.reason})"
            self._terminal.line(self._label("switch", "yellow") + printable(told))
            self._show_reply()
        elif isinstance(event, Heard):
            self._heard(event)
        elif isinstance(event, Failed):
            self._terminal.error(self._label(event.stage, "red") + printable_lines(event.error))

    def _show_reply(self) -> None:
        """As far as it is written, in the line that goes on growing."""
        if self._reply:
            self._terminal.status(printable(self._reply), label=self._label("agent", "green"))

    def _heard(self, event: Heard) -> None:
        """What the agent says when the pipeline can't answer; a reply is told when it has ended."""
        segment = event.segment
        if segment is None or segment.index >= 0 or segment is self._notice:
            return
        if segment.samples is not None and event.samples >= segment.samples:
            self._notice = segment
            self._terminal.line(self._label("notice", "yellow") + printable(segment.text))
            self._show_reply()

    def _ignored(self, event: SpeechIgnored) -> None:
        words = "" if event.text == UNRECOGNISED else event.text
        paused = f", paused {event.paused_ns / SECOND:.1f} s" if event.paused_ns else ""
        told = f"{words or 'a sound without words'} (ignored{paused})"
        self._terminal.line(self._label(self._caller, "cyan") + self._terminal.style(printable(told), "dim"))
        self._show_reply()

    def _tool_finished(self, event: ToolFinished) -> None:
        shown = printable(event.result)
        if len(shown) > LONGEST_RESULT:
            shown = shown[:LONGEST_RESULT] + " …"
        colour = "red" if event.error else "dim"
        self._terminal.line(" " * WIDTH + self._terminal.style(f"→ {shown}", colour))

    def _turn_ended(self, event: TurnEnded) -> None:
        """What was said, and below it what was heard, where that isn't the same."""
        self._reply = ""
        if event.said and (event.status == "completed" or event.said.split() == event.heard.split()):
            self._terminal.line(self._label("agent", "green") + printable(event.said))
        elif event.said:
            said = self._terminal.style(printable(event.said), "dim")
            self._terminal.line(self._label("said", "green") + said)
            heard = printable(event.heard) or self._terminal.style("nothing", "dim")
            self._terminal.line(self._label("heard", "green") + heard)
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
