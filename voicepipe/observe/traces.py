"""A trace for each call: which turns are kept of it, and what of them.

It is decided when a turn ends, since only then is it known whether it was slow: every slow, failed and
interrupted turn is kept, of the others a share, drawn by the session and the turn, so that the same turns are
kept wherever it is decided.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

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
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.report import CallReport, TurnReport
from voicepipe.observe.requests import Request, Requests
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

Kept = Literal["failed", "interrupted", "slow", "sampled"]

GRACE = SECOND
"""After the end of a turn: calls that are broken off with it tell what they consumed behind it."""

MAX_SPANS = 200
"""Of one turn; the llm stage stops a model long before."""

MAX_WAITING = 50
"""Requests before a turn begins: what the caller says is recognised before it is one."""


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


@dataclass(slots=True)
class _Turn:
    """What has happened in a turn or a draft; ``ended_ns`` and ``kept``: it is over, and will be sent."""

    user: str = ""
    said: str = ""
    spans: list[Span] = field(default_factory=list)
    report: TurnReport | None = None
    kept: Kept | None = None
    ended_ns: int = 0

    def add(self, span: Span) -> None:
        if len(self.spans) < MAX_SPANS:
            self.spans.append(span)


class CallTrace:
    """The companion of one call. ``report`` observes the call before it; ``sink`` gets what is kept.

    What is in an event may have been masked: words are taken from events, and never from ``report``.
    """

    def __init__(
        self, config: TracesConfig, sink: Sink, *, agent: str, report: CallReport, prices: PriceBook
    ) -> None:
        self._config = config
        self._sink = sink
        self._agent = agent
        self._report = report
        self._prices = prices
        self._requests = Requests()
        self._attempt: ProviderAttempt | None = None
        self._open: dict[int, _Turn] = {}
        self._ended: dict[int, _Turn] = {}
        self._waiting: deque[Span] = deque(maxlen=MAX_WAITING)
        self._tools: dict[tuple[int, str], ToolStarted] = {}
        self._kept = 0

    def __call__(self, at_ns: int, event: Any) -> None:
        self._settle(self._requests.read(event))
        if self._ended:
            self._flush(at_ns - GRACE)
        match event:
            case ProviderAttempt():
                self._attempt = event
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
        self._settle(self._requests.take())
        self._flush(report.until_ns)
        if self._kept or report.failures:
            cost = report.cost
            attributes: Attributes = {
                "gen_ai.agent.name": self._agent,
                "voicepipe.turns": len(report.turns),
                "voicepipe.turns_kept": self._kept,
            }
            if cost is not None and cost.total is not None:
                attributes["voicepipe.cost_usd"] = float(cost.total)
            error = "something failed" if report.failures else None
            call = Span(f"call {self._agent}", 0, report.until_ns, attributes, error=error)
            self._sink.end(call)

    def _settle(self, request: Request | None) -> None:
        """Put down a request that is complete: its attempt, and all that it consumed."""
        if request is None or request.status is None or self._attempt is None:
            return
        span = self._masked(attempt_span(self._attempt, request, self._prices))
        if request.turn is None:
            self._waiting.append(span)
        else:
            turn = self._open.get(request.turn) or self._ended.get(request.turn)
            if turn is not None:
                turn.add(span)

    def _finish_tool(self, event: ToolFinished) -> None:
        started = self._tools.pop((event.turn, event.call_id), None)
        turn = self._open.get(event.turn) or self._ended.get(event.turn)
        if started is not None and turn is not None:
            content = tool_content(started, event) if self._config.content else {}
            turn.add(self._masked(tool_span(started, event, content)))

    def _end_turn(self, at_ns: int, event: TurnEnded) -> None:
        turn = self._open.pop(event.turn, None)
        if turn is None or event.status == "discarded":
            return
        turn.report = next((one for one in reversed(self._report.turns) if one.turn == event.turn), None)
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
        line = turn.report.timeline
        inside = [*turn.spans, *(step_spans(line) if line is not None else ())]
        content = turn_content(turn.user, turn.said) if self._config.content else {}
        around = turn_span(self._agent, turn.report, turn.kept, turn.ended_ns, inside, content)
        self._kept += 1
        self._sink.send(self._masked(around), inside)

    def _masked(self, span: Span) -> Span:
        """Without the secrets that somebody may have repeated."""
        attributes = {
            name: self._report.masked(value) if isinstance(value, str) else value
            for name, value in span.attributes.items()
        }
        return replace(
            span,
            name=self._report.masked(span.name),
            attributes=attributes,
            error=span.error and self._report.masked(span.error),
        )
