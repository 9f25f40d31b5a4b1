"""One scripted call, held to its end: what ``voicepipe test`` judges and ``voicepipe compare`` measures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicepipe.api import RATE, Call, Pipeline
from voicepipe.core.clock import Clock
from voicepipe.core.records import ProviderAttempt, ToolStarted, TurnEnded
from voicepipe.core.units import SECOND
from voicepipe.errors import ConfigError, SetupError
from voicepipe.observe.evidence import Evidence
from voicepipe.runtime.tool_modes import Stubs
from voicepipe.transports.conversation import ConversationCall, Item
from voicepipe.transports.wav import OUTPUT_RATE

LONGEST_CALL = 600 * SECOND
"""A conversation that goes on for longer is ended, and has missed what it was to show."""

ALWAYS_LIVE = "end_call"
"""Acts on nothing but the call itself, so that it needs no stub."""

Before = Callable[[Call, int], None]
"""Told of the call, and of the number of the utterance, from 0, that the caller is about to begin."""


TOO_DEAR = "the money was spent"
"""Why a call was broken off that cost more than it might."""


@dataclass(frozen=True, slots=True)
class Held:
    """``error``: why the call broke off. ``evidence`` is there from its beginning up to then, None if it
    never began."""

    evidence: Evidence | None
    error: str | None = None


async def hold_one(
    pipeline: Pipeline,
    script: Sequence[Item],
    *,
    vars: Mapping[str, str],
    stubs: Mapping[str, Any] | None,
    recording: Path | None = None,
    before: Before | None = None,
    most: int | None = None,
) -> Held:
    """Hold the call on the clock of the running loop; tools answer from ``stubs``, or live for None.

    ``recording`` gets both sides as a stereo WAV. ``before`` is told of each utterance. ``most``: picodollars
    that it may cost; with the request that exceeds them it is broken off. Raises ``SetupError`` for what is
    missing here, and ``ConfigError``; whatever else goes wrong is the call's ``error``, with nothing secret
    in it.
    """
    events: list[tuple[int, Any]] = []
    calls: list[Call] = []
    ends: list[ConversationCall] = []
    overdue: list[asyncio.TimerHandle] = []
    remembered: dict[int, str] = {}
    error: str | None = None

    def note(at_ns: int, event: Any) -> None:
        events.append((at_ns, event))
        if isinstance(event, TurnEnded) and event.status != "discarded":  # a long call forgets its beginning
            remembered[event.turn] = calls[0].remembered(event.turn)
        if most is not None and isinstance(event, ProviderAttempt) and _spent(calls[0]) > most:
            calls[0].hang_up(TOO_DEAR)

    def begin(call: Call) -> None:
        calls.append(call)
        call.observe(note)
        overdue.append(call.clock.call_at(LONGEST_CALL, lambda: call.hang_up("it took too long")))

    def about_to_speak(number: int) -> None:
        if before is not None:
            before(calls[0], number)

    def open_ends(clock: Clock) -> ConversationCall:
        ends.append(ConversationCall(clock, script, rate=RATE, recording=recording, before=about_to_speak))
        calls[0].observe(ends[0].caller)
        return ends[0]

    tool_mode = None if stubs is None else Stubs(stubs)
    try:
        await pipeline.hold(open_ends, vars=vars, tool_mode=tool_mode, on_call=begin)
    except (SetupError, ConfigError):
        raise
    except Exception as problem:  # one conversation that breaks mustn't hide what the others show
        error = pipeline.loaded.environment.mask(f"{type(problem).__name__}: {problem}")
    finally:
        for timer in overdue:
            timer.cancel()
    if not ends:
        return Held(None, error)
    if error is None and most is not None and _spent(calls[0]) > most:
        error = TOO_DEAR
    return Held(_evidence(calls[0], ends[0], events, remembered), error)


def _spent(call: Call) -> int:
    """Picodollars, for all that has a price."""
    return sum(amount.cost for amount in call.report.usage.amounts.values())


def _evidence(
    call: Call,
    ends: ConversationCall,
    events: Sequence[tuple[int, Any]],
    remembered: Mapping[int, str],
) -> Evidence:
    ended_ns = call.clock.now()
    return Evidence(
        report=call.report,
        events=events,
        steps=ends.caller.moments,
        ended_ns=ended_ns,
        played=ends.played(ended_ns),
        rate=OUTPUT_RATE,
        remembered=remembered,
    )


def not_held(evidence: Evidence, stubs: Mapping[str, Any] | None) -> str | None:
    """Why a call that came to its end can't be counted: it was ended by us, or a tool had no answer."""
    if evidence.ended_ns >= LONGEST_CALL:
        return f"the conversation had not come to its end after {LONGEST_CALL // SECOND} s"
    if stubs is None:
        return None
    called = [event.name for _, event in evidence.events if isinstance(event, ToolStarted)]
    absent = [name for name in dict.fromkeys(called) if name not in stubs and name != ALWAYS_LIVE]
    if absent:
        names = " and ".join(f"'{name}'" for name in absent)
        return f"{names} was called, and there is no stub: say in tool_results what it answers"
    return None
