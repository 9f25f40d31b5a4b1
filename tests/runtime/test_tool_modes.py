from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.toolbench import ToolBench, error_of
from voicepipe.core.clock import run_on
from voicepipe.core.units import MS
from voicepipe.errors import UsageError
from voicepipe.runtime.tool_modes import Recorded, RecordedCall, Stubs


def find_slot(day: str = "today") -> str:
    """Find a free slot."""
    raise AssertionError("a tool that isn't live must not be executed")


def answers(mode: Any, *calls: dict[str, Any]) -> tuple[list[str], int]:
    """What the model sees for ``calls`` one after the other, and how long it took."""

    async def ask() -> tuple[list[str], int]:
        bench = ToolBench(find_slot, mode=mode)
        texts = [await bench.ask("find_slot", json.dumps(arguments)) for arguments in calls]
        return texts, bench.clock.now()

    return run_on("simulated", ask())


@pytest.mark.parametrize(
    ("stub", "text"),
    [
        ({"slot": "10:30"}, '{"slot":"10:30"}'),
        ("Thursday", "Thursday"),
        ([1, 2], "[1,2]"),
        ({}, "{}"),
        (None, "done"),
        ({"result": {"slot": "10:30"}}, '{"slot":"10:30"}'),
        ({"result": 1, "of": 3}, '{"result":1,"of":3}'),
    ],
)
def test_a_stub_answers_with_its_result(stub: Any, text: str) -> None:
    assert answers(Stubs({"find_slot": stub}), {}, {}) == ([text, text], 0)


def test_a_stub_takes_its_delay_and_may_be_an_error() -> None:
    (text,), took = answers(Stubs({"find_slot": {"delay": "300ms", "error": "the calendar is down"}}), {})
    assert error_of(text) == "the calendar is down"
    assert took == 300 * MS


def test_a_call_without_a_stub_is_an_error_that_names_it() -> None:
    (text,), _ = answers(Stubs({"other": 1}), {})
    assert "find_slot" in error_of(text)


@pytest.mark.parametrize("stub", [{"delay": 300}, {"delay": "soon"}, {"result": 1, "error": "x"}])
def test_a_stub_that_makes_no_sense_is_refused_with_its_name(stub: Any) -> None:
    with pytest.raises(UsageError, match="find_slot"):
        Stubs({"find_slot": stub})


def recorded(day: str | None, result: str, *, error: bool = False) -> RecordedCall:
    arguments = {} if day is None else {"day": day}
    return RecordedCall(name="find_slot", arguments=arguments, result=result, error=error)


def test_a_recording_answers_equal_calls_in_their_order() -> None:
    mode = Recorded([recorded("mon", "9:00"), recorded("tue", "10:00"), recorded("mon", "11:00")])
    texts, _ = answers(mode, {"day": "tue"}, {"day": "mon"}, {"day": "mon"})
    assert texts == ["10:00", "9:00", "11:00"]


def test_a_recording_that_holds_no_such_call_is_an_error() -> None:
    texts, _ = answers(Recorded([recorded("mon", "9:00")]), {"day": "mon"}, {"day": "mon"}, {"day": "wed"})
    assert texts[0] == "9:00"
    assert all("no further call of find_slot" in error_of(text) for text in texts[1:])


def test_a_recorded_error_is_an_error_again_and_reads_the_same() -> None:
    (text,), _ = answers(Recorded([recorded(None, '{"error":"no such day"}', error=True)]), {})
    assert text == '{"error":"no such day"}'


def test_each_session_has_the_whole_recording() -> None:
    mode = Recorded([recorded("mon", "9:00")])
    assert answers(mode, {"day": "mon"}) == answers(mode, {"day": "mon"}) == (["9:00"], 0)
