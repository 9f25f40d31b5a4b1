from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.toolbench import ToolBench, call, error_of, settle
from voicepipe.core.clock import run_on
from voicepipe.runtime.builtin_tools import system_time

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def time_in(zone: str | None) -> str:
    async def ask() -> str:
        bench = ToolBench(builtins=("current_time",), wall_clock=lambda: NOON)
        return await bench.ask("current_time", "{}" if zone is None else json.dumps({"time_zone": zone}))

    return run_on("simulated", ask())


@pytest.mark.parametrize(
    ("zone", "date", "weekday", "time"),
    [
        ("UTC", "2026-11-23", "Monday", "12:00"),
        ("Europe/Paris", "2026-11-23", "Monday", "13:00"),
        ("Pacific/Auckland", "2026-11-24", "Tuesday", "01:00"),
    ],
)
def test_the_time_is_told_in_the_zone_that_is_asked_for(
    zone: str, date: str, weekday: str, time: str
) -> None:
    told = json.loads(time_in(zone))
    assert told == {"date": date, "weekday": weekday, "time": time, "time_zone": zone}


def test_without_a_zone_it_is_the_time_of_this_computer() -> None:
    here = NOON.astimezone()
    told: dict[str, Any] = json.loads(time_in(None))
    assert (told["date"], told["time"]) == (here.date().isoformat(), here.strftime("%H:%M"))


@pytest.mark.parametrize(
    "zone", ["Paris", "Europe", "", "../../etc/passwd", "/etc/passwd", "a\0b", "x" * 9000]
)
def test_a_zone_that_does_not_exist_is_an_error_that_says_what_is_expected(zone: str) -> None:
    message = error_of(time_in(zone))
    assert "Europe/Paris" in message
    assert len(message) < 300


def test_the_system_time_knows_its_zone() -> None:
    assert system_time().tzinfo is UTC


def test_end_call_ends_the_call_of_its_own_session_alone() -> None:
    async def test() -> None:
        one, other = ToolBench(builtins=("end_call",)), ToolBench(builtins=("end_call",))
        assert "goodbye" in await one.ask("end_call")
        assert one.reasons == ["the agent has ended the call"]
        assert other.reasons == []

    run_on("simulated", test())


def test_end_call_does_nothing_for_a_draft_that_is_discarded() -> None:
    async def test() -> None:
        bench = ToolBench(builtins=("end_call",))
        running = asyncio.ensure_future(bench.run(bench.begin(live=False), call("end_call")))
        await settle()
        bench.turns.discard()
        assert await running is None
        assert bench.reasons == []

    run_on("simulated", test())
