"""What goes to a language model and what comes from it, whoever the vendor is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """``arguments`` is the JSON text that the model wrote, valid or not."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """``tool`` messages answer ``tool_call_id``; ``tool_calls`` stand on ``assistant`` messages.

    ``note``: what a model has to know of a ``user`` message besides its words: that they cut its last reply
    short. Whoever talks to a real model puts it in front of them; it is no part of what was said. (A system
    message in the middle of a history is refused by many servers.)
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOffer:
    """A tool as the model sees it; ``parameters`` is a JSON schema of type object."""

    name: str
    description: str
    parameters: dict[str, Any]
