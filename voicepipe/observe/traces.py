"""A trace for each call: which turns are kept of it, and what of them.

It is decided when a turn ends, since only then is it known whether it was slow: every slow, failed and
interrupted turn is kept, of the others a share, drawn by the session and the turn, so that the same turns are
kept wherever it is decided.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Protocol

from voicepipe.config.telemetry import TracesConfig
from voicepipe.core.calls import Workers
from voicepipe.core.records import (
    ProviderAttempt,
    ToolFinished,
    ToolStarted,
    TurnBegan,
    TurnDrafted,
    TurnEnded,
    TurnReworded,
)
from voicepipe.core.units import SECOND
from voicepipe.observe.events import plain
from voicepipe.observe.report import CallReport
from voicepipe.observe.spans import (
    Attributes,
    Span,
    attempt_span,
    step_spans,
    tool_content,
    tool_span,
    turn_content,
    turn_span,
)
from voicepipe.observe.turn_report import TurnReport
from voicepipe.observe.usage import Tally

Kept = Literal["failed", "interrupted", "slow", "sampled"]

GRACE = SECOND
"""After the end of a turn: calls that are broken off with it tell what they consumed behind it."""

MAX_PARTS = 200
"""Requests and tools of one turn; the llm stage stops a model long before."""

MAX_WAITING = 50
"""Requests before a turn begins: what the caller says is recognised before it is one."""


_SEEN = frozenset(
    (TurnDrafted, TurnBegan, TurnReworded, TurnEnded, ToolStarted, ToolFinished, ProviderAttempt)
)
"""Most events are none of these, and are done with at once."""


class Sink(Protocol):
    """Where the spans of one call go: each turn with what is inside it, and in the end the call."""

    def send(self, turn: Span, inside: list[Span]) -> None: ...

    def end(self, call: Span) -> None: ...


def sampled(session: str, turn: int, share: float) -> bool:
    """Whether the turn is among the ``share`` (0 to 1) of all turns; the same answer each time."""
    digest = hashlib.sha256(f"{session}/{turn}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def why_kept(config: TracesConfig, session: str, turn: TurnReport) -> Kept | None:
    """Why a turn that has ended is kept; None: it isn't."""
    if turn.status == "interrupted":
        return "interrupted"
    if not turn.answered:
        return "failed"
    if turn.timeline is not None and turn.timeline.audible and turn.timeline.total_ns > config.slow:
        return "slow"
    return "sampled" if sampled(session, turn.turn, config.sample) else None


class _Asked(NamedTuple):
    """A request to a provider."""

    attempt: ProviderAttempt
    used: Tally

    def span(self, content: bool) -> Span:
        return attempt_span(self.attempt, self.used)


class _Used(NamedTuple):
    """A call of a tool."""

    started: ToolStarted
    finished: ToolFinished

    def span(self, content: bool) -> Span:
        return tool_span(
            self.started, self.finished, tool_content(self.started, self.finished) if content else {}
        )


@dataclass(slots=True)
class _Turn:
    """What has happened in a turn or a draft; ``ended_ns`` and ``kept``: it is over, and will be sent."""

    user: str = ""
    said: str = ""
    parts: list[_Asked | _Used] = field(default_factory=list)
    report: TurnReport | None = None
    kept: Kept | None = None
    ended_ns: int = 0

    def add(self, part: _Asked | _Used) -> None:
        if len(self.parts) < MAX_PARTS:
            self.parts.append(part)


class CallTrace:
    """The companion of one call. ``report`` observes the call before it; ``sink`` gets what is kept.

    What is in an event may have been masked: words are taken from events, and never from ``report``.
    """

    def __init__(self, config: TracesConfig, sink: Sink, *, agent: str, report: CallReport) -> None:
        self._config = config
        self._sink = sink
        self._agent = agent
        self._report = report
        self._used: deque[Tally] = deque()
        """By requests of which the report was told, and this not yet."""
        report.on_request.append(lambda request, used: self._used.append(used))
        self._open: dict[int, _Turn] = {}
        self._ended: dict[int, _Turn] = {}
        self._waiting: deque[_Asked] = deque(maxlen=MAX_WAITING)
        self._tools: dict[tuple[int, str], ToolStarted] = {}
        self._kept = 0

    def __call__(self, at_ns: int, event: Any) -> None:
        if self._ended:
            self._flush(at_ns - GRACE)
        if type(event) not in _SEEN:
            return
        match event:
            case ProviderAttempt():
                self._note_request(_Asked(event, self._used.popleft()))
            case TurnDrafted():
                self._open[event.turn] = _Turn(event.user)
            case TurnBegan():
                turn = self._open.setdefault(event.turn, _Turn())
                turn.user = event.user
                while self._waiting:
                    turn.add(self._waiting.popleft())
            case TurnReworded():
                if event.turn in self._open:
                    self._open[event.turn].user = event.user
            case ToolStarted():
                self._tools[event.turn, event.call_id] = event
            case ToolFinished():
                self._finish_tool(event)
            case TurnEnded():
                self._end_turn(at_ns, event)

    async def end(self, report: CallReport, workers: Workers) -> None:
        self._flush(report.until_ns)
        if self._kept or report.failures:
            cost = report.cost
            attributes: Attributes = {
                "gen_ai.agent.name": self._agent,
                "voicepipe.turns": report.turn_count,
                "voicepipe.turns_kept": self._kept,
            }
            if cost is not None and cost.total is not None:
                attributes["voicepipe.cost_usd"] = float(cost.total)
            error = "something failed" if report.failures else None
            call = Span(f"call {self._agent}", 0, report.until_ns, attributes, error=error)
            self._sink.end(call)

    def _note_request(self, asked: _Asked) -> None:
        number = asked.attempt.turn
        if number is None:
            self._waiting.append(asked)
        else:
            turn = self._open.get(number) or self._ended.get(number)
            if turn is not None:
                turn.add(asked)

    def _finish_tool(self, event: ToolFinished) -> None:
        started = self._tools.pop((event.turn, event.call_id), None)
        turn = self._open.get(event.turn) or self._ended.get(event.turn)
        if started is not None and turn is not None:
            turn.add(_Used(started, event))

    def _end_turn(self, at_ns: int, event: TurnEnded) -> None:
        turn = self._open.pop(event.turn, None)
        if turn is None or event.status == "discarded":
            return
        turn.report = self._report.find(event.turn)
        if turn.report is not None:
            turn.kept = why_kept(self._config, self._report.session, turn.report)
        if turn.kept is not None:
            turn.said, turn.ended_ns = event.said, at_ns
            self._ended[event.turn] = turn

    def _flush(self, until_ns: int) -> None:
        """Send the turns that had ended by then."""
        for number in [number for number, turn in self._ended.items() if turn.ended_ns <= until_ns]:
            self._send(self._ended.pop(number))

    def _send(self, turn: _Turn) -> None:
        assert turn.report is not None, "it is why the turn is kept"
        assert turn.kept is not None, "others aren't remembered"
        line, words = turn.report.timeline, self._config.content
        inside = [self._masked(part.span(words)) for part in turn.parts]
        inside += step_spans(line) if line is not None else ()
        content = turn_content(turn.user, turn.said) if words else {}
        around = turn_span(self._agent, turn.report, turn.kept, turn.ended_ns, inside, content)
        self._kept += 1
        self._sink.send(self._masked(around), inside)

    def _masked(self, span: Span) -> Span:
        """Without the secrets that somebody may have repeated, and bounded as the log."""
        secrets = self._report.secrets
        return replace(
            span,
            name=plain(span.name, secrets),
            attributes=plain(span.attributes, secrets),
            error=plain(span.error, secrets),
        )
