"""What people said, and what was done with it: shown, or left out where the page is to go to strangers."""

from __future__ import annotations

import json
from dataclasses import dataclass

from voicepipe.compare.measured import MeasuredTurn, ToolUse
from voicepipe.compare.page.html import Html, join, said, tag
from voicepipe.compare.page.numbers import plural

ARGUMENTS = 300
"""Characters of a tool's arguments, and of its result."""


@dataclass(frozen=True, slots=True)
class Words:
    """``redact``: tell only how much was said."""

    redact: bool = False

    def text(self, text: str, limit: int = 600) -> Html:
        if not self.redact:
            return said(text, limit)
        return tag("span", f"[{plural(len(text.split()), 'word')} left out]", class_="note")

    def reply(self, turn: MeasuredTurn) -> Html:
        """What was heard of it, and struck out what wasn't any more."""
        heard, whole = turn.heard.strip(), turn.agent.strip()
        rest = whole[len(heard) :].strip() if whole.startswith(heard) else ""
        if not heard:
            return self._unheard(whole)
        if self.redact or not rest:
            return self.text(heard)
        return join(self.text(heard), " ", self._unheard(rest))

    def tool(self, use: ToolUse) -> Html:
        """``name(arguments) → result``"""
        arguments = use.arguments
        if not isinstance(arguments, str):
            arguments = ", ".join(f"{name}={_json(value)}" for name, value in arguments.items())
        result = "no result" if use.result is None else use.result
        return join(
            tag("code", said(use.name, 80), "(", self.text(arguments, ARGUMENTS) if arguments else None, ")"),
            tag("span", " failed: " if use.error else " → ", class_="bad" if use.error else None),
            tag("code", self.text(result, ARGUMENTS)),
        )

    def _unheard(self, text: str) -> Html:
        if not text:
            return tag("span", "nothing was said", class_="note")
        return tag("del", self.text(text), class_="unheard", title="not heard")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
