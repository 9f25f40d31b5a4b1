"""What of a call becomes a span of its trace, and under which names. Pure.

The names are those of OpenTelemetry's GenAI conventions (status: development), which have a repository of
their own since 2026: https://github.com/open-telemetry/semantic-conventions-genai. Of it are used
docs/gen-ai/client-inference.md, docs/gen-ai/execute-tool.md and, for the operations of a voice agent,
docs/gen-ai/gen-ai-voice-agents.md. What they have no name for begins with ``voicepipe.``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from voicepipe.core.records import ProviderAttempt, ToolFinished, ToolStarted, UsageUnit
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.timeline import TurnTimeline
from voicepipe.observe.turn_report import TurnReport
from voicepipe.observe.usage import Tally
from voicepipe.speech.pricing import usd

Attributes = dict[str, str | bool | int | float]

OPERATIONS = {"stt": "speech_to_text", "llm": "chat", "tts": "text_to_speech", "realtime": "chat"}
"""By the kind of the slot; own kinds are their own operation."""

UNKNOWN_ERROR = "_OTHER"
"""https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/: no class of errors is known."""

_TOKENS: tuple[tuple[str, tuple[UsageUnit, ...]], ...] = (
    ("gen_ai.usage.input_tokens", ("tokens_in", "audio_tokens_in")),
    ("gen_ai.usage.output_tokens", ("tokens_out", "audio_tokens_out")),
    ("gen_ai.usage.cache_read.input_tokens", ("tokens_in_cached", "audio_tokens_in_cached")),
    ("gen_ai.usage.cache_write.input_tokens", ("tokens_in_written",)),
    ("gen_ai.usage.audio.input_tokens", ("audio_tokens_in",)),
    ("gen_ai.usage.audio.output_tokens", ("audio_tokens_out",)),
    ("gen_ai.usage.audio.cache_read.input_tokens", ("audio_tokens_in_cached",)),
    ("voicepipe.usage.audio_in_ms", ("audio_in_ms",)),
    ("voicepipe.usage.audio_out_ms", ("audio_out_ms",)),
    ("voicepipe.usage.characters", ("characters",)),
    ("voicepipe.usage.requests", ("requests",)),
)


@dataclass(frozen=True, slots=True)
class Span:
    """Times are session times. ``error`` None: it went well; ``client``: it asked another system."""

    name: str
    start_ns: int
    end_ns: int
    attributes: Attributes = field(default_factory=dict)
    error: str | None = None
    client: bool = False


def turn_span(
    agent: str, turn: TurnReport, kept: str, until_ns: int, inside: list[Span], content: Attributes
) -> Span:
    """The span around ``inside``, from the first of them on up to the end of the reply."""
    attributes: Attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": agent,
        "voicepipe.turn": turn.turn,
        "voicepipe.status": turn.status or "",
        "voicepipe.kept": kept,
        "voicepipe.answered": turn.answered,
    }
    if turn.status in ("completed", "interrupted"):
        attributes["gen_ai.agent.invocation.end_reason"] = turn.status
    line = turn.timeline
    if line is not None and line.spoken and line.audible:
        attributes["voicepipe.voice_to_voice_ms"] = line.total_ns / MS
        attributes["voicepipe.filler"] = turn.filler
    if turn.silenced_ns is not None:
        attributes["voicepipe.silent_after_interruption_ms"] = turn.silenced_ns / MS
    failed = turn.status == "failed"
    if failed:
        attributes["error.type"] = UNKNOWN_ERROR
    starts = [span.start_ns for span in inside] + ([line.start_ns] if line is not None else [])
    return Span(
        f"invoke_agent {agent}",
        min(starts, default=until_ns),
        until_ns,
        {**attributes, **content},
        error="the turn failed" if failed else None,
    )


def step_spans(line: TurnTimeline) -> Iterator[Span]:
    """What the caller waited for, and what was done ahead; a step that took no time has none."""
    for parts, ahead in ((line.contributions, False), (line.ahead, True)):
        for part in parts:
            if part.duration_ns:
                attributes: Attributes = {"voicepipe.step": part.step, "voicepipe.ahead": ahead}
                yield Span(f"step {part.step}", part.start_ns, part.start_ns + part.duration_ns, attributes)


def attempt_span(attempt: ProviderAttempt, used: Tally) -> Span:
    """One request to a provider, which ``used`` so much. Its ``error`` is as it was recorded."""
    operation = OPERATIONS.get(attempt.slot.partition("/")[0], attempt.slot)
    attributes: Attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": attempt.provider,
        "voicepipe.slot": attempt.slot,
        "voicepipe.attempt": attempt.number,
        "voicepipe.status": attempt.status,
    }
    if attempt.model is not None:
        attributes["gen_ai.request.model"] = attempt.model
    if attempt.slot.partition("/")[0] in ("tts", "realtime"):
        attributes["gen_ai.output.type"] = "speech"
    if attempt.first_event_ns is not None:
        first_s = (attempt.first_event_ns - attempt.began_ns) / SECOND
        attributes["gen_ai.response.time_to_first_chunk"] = first_s
    if attempt.probe:
        attributes["voicepipe.probe"] = True
    if attempt.status == "failed":
        attributes["error.type"] = UNKNOWN_ERROR
    return Span(
        f"{operation} {attempt.model or attempt.provider}",
        attempt.began_ns,
        attempt.at_ns,
        {**attributes, **_used(used), **_cost(used)},
        error=(attempt.error or "it failed") if attempt.status == "failed" else None,
        client=True,
    )


def _used(used: Tally) -> Attributes:
    totals = {meter.unit: amount.total for meter, amount in used.amounts.items()}
    found: Attributes = {}
    for name, units in _TOKENS:
        amounts = [totals[unit] for unit in units if unit in totals]
        if amounts:
            found[name] = sum(amounts)
    return found


def _cost(used: Tally) -> Attributes:
    amounts = used.amounts.values()
    found: Attributes = {}
    if any(amount.cost for amount in amounts):
        found["voicepipe.cost_usd"] = float(usd(sum(amount.cost for amount in amounts)))
    if any(amount.unpriced for amount in amounts):
        found["voicepipe.unpriced"] = True
    return found


def tool_span(started: ToolStarted, finished: ToolFinished, content: Attributes) -> Span:
    """One call of a tool; what it was called with and what it said only in ``content``."""
    attributes: Attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": started.name,
        "gen_ai.tool.call.id": started.call_id,
        "gen_ai.tool.type": "function",
        **content,
    }
    if finished.error:
        attributes["error.type"] = UNKNOWN_ERROR
    return Span(
        f"execute_tool {started.name}",
        started.at_ns,
        finished.at_ns,
        attributes,
        error="the tool failed" if finished.error else None,
    )


def tool_content(started: ToolStarted, finished: ToolFinished) -> Attributes:
    """Arguments and result, as JSON or text."""
    given: Mapping[str, Any] | str = started.arguments
    arguments = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
    return {"gen_ai.tool.call.arguments": arguments, "gen_ai.tool.call.result": finished.result}


def turn_content(user: str, said: str) -> Attributes:
    """What the caller and the agent said, in the conventions' form of messages."""
    found: Attributes = {}
    for key, role, text in (("input", "user", user), ("output", "assistant", said)):
        if text:
            message = [{"role": role, "parts": [{"type": "text", "content": text}]}]
            found[f"gen_ai.{key}.messages"] = json.dumps(message, ensure_ascii=False)
    return found
