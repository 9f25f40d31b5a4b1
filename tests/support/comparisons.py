"""Comparisons that nobody held: made up, with figures that a test can choose, the same each time."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from voicepipe.compare.measured import (
    CallInfo,
    Comparison,
    Environment,
    Interval,
    Item,
    MeasuredCall,
    MeasuredTurn,
    ToolUse,
    VariantInfo,
)
from voicepipe.core.clock import ClockName
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.timeline import Step
from voicepipe.observe.usage import MeterUnit
from voicepipe.speech.pricing import PICO

BEGAN = "2026-11-23T10:00:00+00:00"

SHARES: Mapping[Step, int] = {
    "endpoint": 30,
    "stt": 10,
    "llm_first_token": 30,
    "llm": 10,
    "tts_first_audio": 15,
    "playout": 5,
}
"""What each step takes of a turn, in percent."""

ENVIRONMENT = Environment(
    machine="x86_64, Some Processor, 2 cores, 8 GiB",
    system="Linux 6.1",
    python="3.11.9",
    versions={"voicepipe": "0.5.0", "numpy": "2.1.0"},
    commit="abc1234+",
    began=BEGAN,
)


def intervals(start_ns: int, total_ns: int, shares: Mapping[Step, int] = SHARES) -> tuple[Interval, ...]:
    """``total_ns`` divided among the steps, to the nanosecond."""
    found: list[Interval] = []
    whole, done, at_ns = sum(shares.values()), 0, start_ns
    for step, part in shares.items():
        done += part
        until = start_ns + total_ns * done // whole
        found.append(Interval(step=step, start_ns=at_ns, duration_ns=until - at_ns))
        at_ns = until
    return tuple(found)


def turn(
    number: int,
    voice_to_voice_ms: int | None = 500,
    *,
    user: str = "what time is it",
    agent: str = "It is half past ten.",
    shares: Mapping[Step, int] = SHARES,
    tools: Sequence[ToolUse] = (),
    cost: int = 0,
    wasted: int = 0,
    **others: Any,
) -> MeasuredTurn:
    """A spoken turn, answered unless ``voice_to_voice_ms`` is None; they begin five seconds apart."""
    start_ns = number * 5 * SECOND
    total_ns = None if voice_to_voice_ms is None else voice_to_voice_ms * MS
    given: dict[str, Any] = {
        "turn": number,
        "user": user,
        "agent": agent,
        "heard": "" if total_ns is None else agent,
        "status": "failed" if total_ns is None else "completed",
        "answered": total_ns is not None,
        "spoken": True,
        "estimated": False,
        "filler": False,
        "start_ns": start_ns,
        "voice_to_voice_ns": total_ns,
        "in_recording_ns": None if total_ns is None else total_ns + 2 * MS,
        "waterfall": () if total_ns is None else intervals(start_ns, total_ns, shares),
        "ahead": (),
        "tools": tuple(tools),
        "cost": cost,
        "wasted": wasted,
    }
    return MeasuredTurn(**{**given, **others})


def item(
    slot: str = "llm",
    provider: str = "openai",
    model: str | None = "gpt-6-luna",
    unit: MeterUnit = "tokens_out",
    amount: int = 100,
    *,
    usd: float = 0.0,
    wasted_usd: float = 0.0,
    unpriced: int = 0,
) -> Item:
    return Item(
        slot=slot,
        provider=provider,
        model=model,
        unit=unit,
        amount=amount,
        estimated=0,
        unpriced=unpriced,
        cost=round(usd * PICO),
        wasted=round(wasted_usd * PICO),
    )


def call(
    variant: str = "default",
    name: str = "booking",
    repetition: int = 0,
    *,
    turns: Sequence[MeasuredTurn] = (),
    items: Sequence[Item] = (),
    clock: ClockName = "simulated",
    **others: Any,
) -> MeasuredCall:
    given: dict[str, Any] = {
        "variant": variant,
        "call": name,
        "repetition": repetition,
        "clock": clock,
        "began": BEGAN,
        "load": 0.25,
        "duration_ns": (len(turns) + 1) * 5 * SECOND,
        "turns": tuple(turns),
        "items": tuple(items),
    }
    return MeasuredCall(**{**given, **others})


def variant(name: str = "default", clock: ClockName = "simulated", **others: Any) -> VariantInfo:
    given: dict[str, Any] = {
        "name": name,
        "what": f"profile {name}",
        "stages": {"vad": "silero", "stt": "deepgram/nova-3", "llm": "openai/gpt-6-luna", "tts": "espeak"},
        "clock": clock,
    }
    return VariantInfo(**{**given, **others})


def comparison(
    calls: Sequence[MeasuredCall],
    *,
    variants: Sequence[VariantInfo] | None = None,
    title: str = "clinic",
    **others: Any,
) -> Comparison:
    """Of ``calls``; variants and calls are taken from them unless they are given."""
    if variants is None:
        clocks = {one.variant: one.clock for one in calls}
        variants = [variant(name, clock) for name, clock in clocks.items()]
    names = dict.fromkeys(one.call for one in calls)
    given: dict[str, Any] = {
        "title": title,
        "variants": tuple(variants),
        "calls": tuple(CallInfo(name=name, kind="conversation", speech_ns=6 * SECOND) for name in names),
        "measured": tuple(calls),
        "environment": ENVIRONMENT,
        "repetitions": 1 + max((one.repetition for one in calls), default=0),
        "tools": "stubs",
        "history": "free",
        "seed": 1,
    }
    return Comparison(**{**given, **others})


def made_up(
    medians_ms: Mapping[str, int],
    *,
    calls: int = 6,
    repetitions: int = 2,
    turns: int = 3,
    usd_per_turn: Mapping[str, float] | None = None,
    success: Mapping[str, float] | None = None,
    spread: float = 0.2,
    seed: int = 7,
) -> Comparison:
    """Variants whose latencies lie around ``medians_ms``, evenly within ``spread`` of it.

    ``usd_per_turn``: what a turn costs, a tenth of it in vain; ``success``: the share of the calls that
    pass, 1 for who isn't named. What is measured varies by call, and by turn within it.
    """
    chance = random.Random(seed)
    held: list[MeasuredCall] = []
    for name, median in medians_ms.items():
        usd = (usd_per_turn or {}).get(name, 0.0)
        share = (success or {}).get(name, 1.0)
        for number in range(calls * repetitions):
            base = median * (1 + chance.uniform(-spread, spread) / 2)
            spoken = [
                turn(
                    one + 1,
                    round(base * (1 + chance.uniform(-spread, spread) / 2)),
                    cost=round(usd * PICO),
                    wasted=round(usd * PICO / 10),
                )
                for one in range(turns)
            ]
            passed = number < share * calls * repetitions
            held.append(
                call(
                    name,
                    f"call {number % calls + 1}",
                    number // calls,
                    turns=spoken,
                    items=[item(usd=usd * turns, wasted_usd=usd * turns / 10, amount=40 * turns)],
                    passed=passed,
                    missed=() if passed else ("a call of find_slot: no tool was called",),
                    words=20,
                    word_errors=chance.randrange(4),
                    interruptions=1,
                    honoured=1,
                    backchannels=1,
                    ignored=1,
                )
            )
    return comparison(held)
