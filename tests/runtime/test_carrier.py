"""Whole calls over a carrier's line in memory, and what the carrier bills for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.media_line import a_line
from tests.support.scenes import Ends
from voicepipe.api import Call, Pipeline
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.io import CallEnds
from voicepipe.errors import ConfigErrors
from voicepipe.observe.report import CallReport
from voicepipe.testing.media_stream_caller import MediaStreamCaller
from voicepipe.transports.media_stream import MediaStream
from voicepipe.transports.wav import ScriptedCaller, Typed

STAGES = "voicepipe: 1\nagent: {greeting: Hello.}\nstages: {vad: energy, stt: sim, llm: sim, tts: sim}\n"
CARRIER = "  carrier: twilio/us-inbound\n"


def held(
    folder: Path,
    cost: str,
    open_ends: Callable[[Clock], Awaitable[CallEnds]],
    on_call: Callable[[Call], None] = lambda call: None,
) -> CallReport:
    file = folder / "pipeline.yaml"
    file.write_text(f"{STAGES}cost:\n  machine_usd_hour: 0\n{cost}")

    async def main() -> CallReport:
        async with Pipeline.from_yaml(file, env={}) as pipeline:
            ends = await open_ends(Clock())
            return await pipeline.hold(lambda clock: ends, on_call=on_call)

    return run_on("simulated", main())


def called(folder: Path, cost: str, *, lasts_s: float, agent_ends: bool = False) -> CallReport:
    """The report of a call over the telephone by somebody who says nothing; after ``lasts_s`` one leaves."""

    async def call(clock: Clock) -> CallEnds:
        here, there = a_line(clock)
        caller = MediaStreamCaller(there, clock)
        caller.begin()
        if not agent_ends:
            asyncio.get_running_loop().call_later(lasts_s, caller.stop)
        return (await MediaStream.begin(here)).ends(clock)

    def end(call: Call) -> None:
        if agent_ends:
            asyncio.get_running_loop().call_later(lasts_s, call.hang_up)

    return held(folder, cost, call, end)


@pytest.mark.parametrize("agent_ends", [False, True])
@pytest.mark.parametrize(("lasts_s", "minutes"), [(0.5, 1), (59.9, 1), (61, 2)])
def test_a_call_over_a_telephone_line_costs_its_begun_minutes(
    tmp_path: Path, lasts_s: float, minutes: int, agent_ends: bool
) -> None:
    report = called(tmp_path, CARRIER, lasts_s=lasts_s, agent_ends=agent_ends)
    (line,) = [one for one in report.usage.to_list() if one["slot"] == "line"]
    assert (line["provider"], line["model"], line["unit"]) == ("twilio", "us-inbound", "call_ms")
    assert line["amount"] == pytest.approx(lasts_s * 1000, abs=25)
    assert report.cost is not None
    assert report.cost.total == minutes * Decimal("0.0085")


def test_the_price_of_a_carrier_that_nobody_knows_is_unpriced_and_not_nothing(tmp_path: Path) -> None:
    report = called(tmp_path, "  carrier: acme\n", lasts_s=1)
    assert report.cost is not None
    assert report.cost.total is None
    assert report.cost.missing() == ["line acme (call_ms): write it down: cost: {prices: {acme: …}}"]


def test_a_carriers_own_price_is_written_down(tmp_path: Path) -> None:
    report = called(tmp_path, "  carrier: acme\n  prices: {acme: {call_minute: 0.01}}\n", lasts_s=1)
    assert report.cost is not None
    assert report.cost.total == Decimal("0.01")


def test_without_a_carrier_nobodys_minutes_are_counted(tmp_path: Path) -> None:
    report = called(tmp_path, "", lasts_s=1)
    assert not [one for one in report.usage.to_list() if one["slot"] == "line"]


def test_a_caller_who_is_on_no_telephone_costs_no_minutes(tmp_path: Path) -> None:
    async def call(clock: Clock) -> CallEnds:
        return Ends(clock, ScriptedCaller([Typed("hello")], rate=16_000))

    report = held(tmp_path, CARRIER, call)
    assert report.turn_count == 2
    assert not [one for one in report.usage.to_list() if one["slot"] == "line"]


def test_a_carrier_without_a_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="carrier"):
        called(tmp_path, "  carrier: ''\n", lasts_s=1)
