"""The report of a call: what was said, what was done, and how long the caller waited."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from voicepipe.core.frames import PlaybackStarted, Skip, SpeechStarted, TypedText
from voicepipe.core.records import Failed, ToolFinished, ToolStarted, TurnBegan, TurnEnded, TurnStatus
from voicepipe.observe.events import plain
from voicepipe.observe.timeline import LATENCIES, Timelines, TurnTimeline

MAX_TOOL_CALLS = 256
"""Of one turn, in the report; the llm stage stops a model long before."""

MAX_FAILURES = 1000


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
    audible: bool = False
    cut_in: bool = False
    """The caller spoke, typed or skipped before the reply had ended."""

    @property
    def answered(self) -> bool:
        """Whether the caller got what was due.

        A failed turn wasn't answered, even if it had begun to speak. A turn without a sound was only if it
        ended the call, or if the caller took the word before there was one.
        """
        if self.status is None or self.status == "failed":
            return False
        hung_up = any(call.name == "end_call" and not call.error for call in self.tool_calls)
        return self.audible or (self.status == "interrupted" and self.cut_in) or hung_up


class CallReport:
    """An observer that sums a call up: ``session.observe(report)``.

    ``secrets`` are masked in ``to_dict`` and ``failures``. Memory is bounded per turn.
    """

    def __init__(self, *, session: str, clock: str, secrets: Collection[str] = ()) -> None:
        self.session = session
        self.clock = clock
        self.turns: list[TurnReport] = []
        self.heard_speech = False
        """Whether the VAD heard any speech."""
        self._secrets = secrets
        self._failures: list[str] = []
        self._by_id: dict[int, TurnReport] = {}
        self._timelines = Timelines(self._add_timeline)

    @property
    def failures(self) -> list[str]:
        """What went wrong, for a person to read, in the order in which it happened."""
        return [plain(text, self._secrets) for text in self._failures]

    @property
    def unanswered(self) -> list[TurnReport]:
        """The committed turns that weren't answered, or haven't been so far."""
        return [turn for turn in self.turns if not turn.answered]

    def to_dict(self) -> dict[str, Any]:
        """What ``voicepipe run --json`` prints.

        ``cost_usd`` is None, since nothing is priced yet. A tool's result is parsed if it is a JSON object
        or array, and is text otherwise.
        """
        report = {
            "session": self.session,
            "clock": self.clock,
            "turns": [_turn_to_dict(turn) for turn in self.turns],
            "cost_usd": None,
        }
        return {name: plain(value, self._secrets) for name, value in report.items()}

    def __call__(self, at_ns: int, event: Any) -> None:
        match event:
            case TurnBegan():
                turn = TurnReport(event.turn, event.user)
                self.turns.append(turn)
                self._by_id[event.turn] = turn
            case SpeechStarted() | TypedText():
                self.heard_speech = self.heard_speech or isinstance(event, SpeechStarted)
                if self.turns and self.turns[-1].status is None:
                    self.turns[-1].cut_in = True
            case Skip() if event.turn in self._by_id:
                self._by_id[event.turn].cut_in = True
            case PlaybackStarted() if event.turn in self._by_id:
                self._by_id[event.turn].audible = True
            case ToolStarted() if event.turn in self._by_id:
                self._start_tool(self._by_id[event.turn], event)
            case ToolFinished() if event.turn in self._by_id:
                self._finish_tool(self._by_id[event.turn], event)
            case TurnEnded() if event.turn in self._by_id:
                self._end(self._by_id[event.turn], event)
            case Failed():
                self._fail(f"{event.stage}: {event.error}")
            case _:
                pass
        self._timelines(at_ns, event)

    def _start_tool(self, turn: TurnReport, event: ToolStarted) -> None:
        if len(turn.tool_calls) < MAX_TOOL_CALLS:
            turn.tool_calls.append(ToolReport(event.call_id, event.name, event.arguments))

    def _finish_tool(self, turn: TurnReport, event: ToolFinished) -> None:
        for call in turn.tool_calls:
            if call.call_id == event.call_id and call.result is None:
                call.result, call.error = event.result, event.error
                break

    def _end(self, turn: TurnReport, event: TurnEnded) -> None:
        turn.agent, turn.heard, turn.status = event.said, event.heard, event.status
        if event.status == "failed":
            self._fail(event.error or f"turn {event.turn} failed")

    def _fail(self, text: str) -> None:
        if len(self._failures) < MAX_FAILURES:
            self._failures.append(text)

    def _add_timeline(self, timeline: TurnTimeline) -> None:
        self._by_id[timeline.turn].timeline = timeline


def _turn_to_dict(turn: TurnReport) -> dict[str, Any]:
    return {
        "user": turn.user,
        "agent": turn.agent,
        "heard": turn.heard,
        "tool_calls": [
            {"name": call.name, "arguments": call.arguments, "result": _parsed(call.result)}
            for call in turn.tool_calls
        ],
        "latency_ms": turn.timeline.latency_ms() if turn.timeline else dict.fromkeys(LATENCIES),
    }


def _parsed(result: str | None) -> Any:
    if result is None or not result.startswith(("{", "[")):
        return result
    try:
        return json.loads(result)
    except (ValueError, RecursionError):
        return result
