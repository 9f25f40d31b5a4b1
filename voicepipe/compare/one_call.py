"""One scripted call, held to its end: what ``voicepipe test`` judges and ``voicepipe compare`` measures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Purse:
    """Picodollars: what a call may cost (None: as much as it takes), and what it has cost, also if it was
    cancelled. What has no price isn't in it."""

    most: int | None = None
    spent: int = 0

    @property
    def overdrawn(self) -> bool:
        return self.most is not None and self.spent > self.most


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
    purse: Purse | None = None,
) -> Held:
    """Hold the call on the clock of the running loop; tools answer from ``stubs``, or live for None.

    ``recording`` gets both sides as a stereo WAV. ``before`` is told of each utterance. ``purse`` pays:
    with the request that overdraws it the call is broken off. Raises ``SetupError`` for what is
    missing here, and ``ConfigError``; whatever else goes wrong is the call's ``error``, with nothing secret
    in it.
    """
    notes: list[_Notes] = []
    ends: list[ConversationCall] = []
    overdue: list[asyncio.TimerHandle] = []
    error: str | None = None
    purse = purse or Purse()

    def begin(call: Call) -> None:
        notes.append(_Notes(call, purse))
        call.observe(notes[0])
        overdue.append(call.clock.call_at(LONGEST_CALL, lambda: call.hang_up("it took too long")))

    def about_to_speak(number: int) -> None:
        if before is not None:
            before(notes[0].call, number)

    def open_ends(clock: Clock) -> ConversationCall:
        ends.append(ConversationCall(clock, script, rate=RATE, recording=recording, before=about_to_speak))
        notes[0].call.observe(ends[0].caller)
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
        if notes:
            notes[0].pay()
    if not ends:
        return Held(None, error)
    if error is None and purse.overdrawn:
        error = TOO_DEAR
    return Held(_evidence(notes[0], ends[0]), error)


@dataclass(slots=True)
class _Notes:
    """What a call told, and what its model remembered of each turn: a long call forgets its beginning."""

    call: Call
    purse: Purse
    events: list[tuple[int, Any]] = field(default_factory=list)
    remembered: dict[int, str] = field(default_factory=dict)

    def __call__(self, at_ns: int, event: Any) -> None:
        self.events.append((at_ns, event))
        if isinstance(event, TurnEnded) and event.status != "discarded":
            self.remembered[event.turn] = self.call.remembered(event.turn)
        if isinstance(event, ProviderAttempt):
            self.pay()
            if self.purse.overdrawn:
                self.call.hang_up(TOO_DEAR)

    def pay(self) -> None:
        self.purse.spent = sum(amount.cost for amount in self.call.report.usage.amounts.values())


def _evidence(notes: _Notes, ends: ConversationCall) -> Evidence:
    ended_ns = notes.call.clock.now()
    return Evidence(
        report=notes.call.report,
        events=notes.events,
        steps=ends.caller.moments,
        ended_ns=ended_ns,
        played=ends.played(ended_ns),
        rate=OUTPUT_RATE,
        remembered=notes.remembered,
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
