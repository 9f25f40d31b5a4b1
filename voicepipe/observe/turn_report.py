"""What a call's report tells of one turn."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from voicepipe.core.records import TurnStatus
from voicepipe.core.units import MS
from voicepipe.observe.timeline import LATENCIES, TurnTimeline
from voicepipe.observe.usage import Listened, Tally, unheard


@dataclass(slots=True)
class ToolReport:
    """``result`` is what the model saw; None while the tool runs."""

    call_id: str
    name: str
    arguments: dict[str, Any] | str
    result: str | None = None
    error: bool = False


@dataclass(slots=True)
class TurnReport:
    """One turn that the policy committed. What isn't known until its end is None before."""

    turn: int
    user: str
    agent: str | None = None
    heard: str | None = None
    status: TurnStatus | None = None
    tool_calls: list[ToolReport] = field(default_factory=list)
    timeline: TurnTimeline | None = None
    silenced_ns: int | None = None
    """How long the reply was still heard after the caller had begun to speak up; see ``Silences``."""
    audible: bool = False
    filler: bool = False
    """The first audio wasn't the reply itself yet, but what was said meanwhile."""
    cut_in: bool = False
    """The caller typed or skipped before the reply had ended."""
    spoken_into: int | None = None
    """Where the caller spoke before it had ended: the speech's first sample, unless it was ignored; -1 if
    so far only the key to talk was pressed."""
    usage: Tally = field(default_factory=Tally)
    failed: Tally = field(default_factory=Tally)
    """What of ``usage`` was for requests that failed."""
    listened: Listened = field(default_factory=Listened)

    @property
    def wasted(self) -> Tally:
        """What of ``usage`` was for speech that nobody heard."""
        said, heard = self.agent or "", self.heard or ""
        return unheard(self.usage, self.status, said, heard, self.listened, self.failed)

    @property
    def word_taken(self) -> bool:
        """Whether the caller took the word before the reply had ended."""
        return self.cut_in or self.spoken_into is not None

    @property
    def answered(self) -> bool:
        """Whether the caller got what was due.

        A failed turn wasn't answered, even if it had begun to speak. A turn without a sound was only if it
        ended the call, if the caller took the word before there was one, or if nobody had asked for it.
        """
        if self.status is None or self.status == "failed":
            return False
        hung_up = any(call.name == "end_call" and not call.error for call in self.tool_calls)
        overtaken = self.status == "interrupted" and (self.word_taken or not self.user)
        return self.audible or overtaken or hung_up

    def to_dict(self, words: TurnReport | None) -> dict[str, Any]:
        """For JSON; ``words`` are those of the turn that may be written down, none of it if None."""
        words = words or TurnReport(self.turn, "")
        return {
            "turn": self.turn,
            "user": words.user,
            "agent": words.agent,
            "heard": words.heard,
            "status": self.status,
            "tool_calls": [
                {"name": call.name, "arguments": call.arguments, "result": _parsed(call.result)}
                for call in words.tool_calls
            ],
            "latency_ms": self.timeline.latency_ms() if self.timeline else dict.fromkeys(LATENCIES),
            "filler": self.filler,
            "silenced_ms": None if self.silenced_ns is None else self.silenced_ns / MS,
            "usage": self.usage.to_list(),
            "wasted": self.wasted.to_list(),
        }


def _parsed(result: str | None) -> Any:
    if result is None or not result.startswith(("{", "[")):
        return result
    try:
        return json.loads(result)
    except (ValueError, RecursionError):
        return result
