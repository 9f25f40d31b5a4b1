from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_tools import http_tool
from tests.support.toolbench import ToolBench, error_of, simulated
from tests.support.workers import make_workers
from voicepipe.config.tool_lock import Lock, Pin
from voicepipe.config.tool_models import McpTool, SchemaTool, Tool
from voicepipe.core.clock import Clock
from voicepipe.core.nodes import Place, Source
from voicepipe.errors import ConfigError, SetupError, UsageError
from voicepipe.runtime.checked_transport import resolver
from voicepipe.runtime.tool_doors import DoorHost
from voicepipe.runtime.tool_modes import Stubs
from voicepipe.runtime.tool_sets import ToolSet, check_answers
from voicepipe.speech.tools import ToolSpec

PLACE = Place(Source("clinic.yaml", Path("/clinic"), Path("/clinic")), 5, 7)
DAY = {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"], "description": "x"}
LOCK = Lock(
    pins={
        name: Pin(name, f"{name} it.", {"properties": {"a": {"pattern": "^(a+)+$"}}})
        for name in ("find", "book")
    }
)


def schema_tool(**fields: Any) -> SchemaTool:
    return SchemaTool.model_validate({"schema": DAY, "name": "ask", "description": "Ask.", **fields})


def mcp_tool(*allow: str, url: str = "https://crm.example/mcp", **fields: Any) -> McpTool:
    return McpTool.model_validate({"mcp": {"url": url}, "allow": allow, **fields})


def one(tool: Tool, **options: Any) -> ToolSpec:
    (spec,) = ToolSet.of([tool], **options).specs
    return spec


# ── each kind becomes a spec ─────────────────────────────────────────────────────────────────────


def test_what_an_entry_says_of_its_tool_is_in_its_spec_whatever_its_kind() -> None:
    said = {"timeout": "3s", "side_effect": False, "cancellable": False, "say_while_running": "One moment."}
    for tool in (schema_tool(**said), http_tool("https://x.example", **said), mcp_tool("find", **said)):
        spec = one(tool, lock=LOCK)
        assert (spec.timeout_s, spec.side_effect, spec.cancellable) == (3.0, False, False)
        assert spec.say_while_running == "One moment."


def test_what_nothing_is_said_of_has_effects_and_ten_seconds() -> None:
    for tool in (schema_tool(), mcp_tool("find")):
        spec = one(tool, lock=LOCK)
        assert (spec.timeout_s, spec.side_effect, spec.cancellable) == (10.0, True, False)


def test_a_schema_takes_no_argument_that_it_does_not_name_unless_it_says_more() -> None:
    spec = one(schema_tool())
    assert spec.parameters == {
        "type": "object",
        "properties": {"day": {"type": "string"}},
        "required": ["day"],
        "additionalProperties": False,
    }
    for more in ({"additionalProperties": True}, {"allOf": [{"properties": {"x": {}}}]}):
        wider = one(schema_tool(schema={**DAY, **more}))
        assert wider.takes.checked({"day": "a", "x": 1}) == {"day": "a", "x": 1}


def test_an_mcp_tool_is_what_was_accepted_and_its_patterns_are_left_to_its_server() -> None:
    spec = one(mcp_tool("find"), lock=LOCK)
    assert (spec.name, spec.description, spec.clock) == ("find", "find it.", "real")
    assert spec.takes.checked({"a": "a" * 50 + "!"}) == {"a": "a" * 50 + "!"}


def test_entries_that_name_one_server_share_its_connection() -> None:
    tools = ToolSet.of(
        [
            mcp_tool("find", side_effect=False),
            mcp_tool("book"),
            mcp_tool("book", url="https://b.example", prefix="b_"),
        ],
        lock=Lock(pins={**LOCK.pins, "b_book": LOCK.pins["book"]}),
    )
    assert [(spec.name, spec.side_effect) for spec in tools.specs] == [
        ("find", False),
        ("book", True),
        ("b_book", True),
    ]
    assert len(tools.doors) == 2


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ([schema_tool(), http_tool("https://x.example", name="ask")], "there are two tools named 'ask'"),
        ([mcp_tool("lookup")], "nobody has accepted the MCP tool 'lookup' yet"),
        ([schema_tool(schema={"properties": {"a": {"$ref": "http://x"}}})], "this is no JSON schema"),
    ],
)
def test_what_can_not_be_a_tool_is_told_where_it_stands(tools: list[Tool], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        ToolSet.of(tools, lock=LOCK, places=[PLACE] * 2)
    assert str(error.value).startswith("clinic.yaml:5:7: ")
    with pytest.raises(ConfigError, match=message):
        ToolSet.of(tools, lock=LOCK)


# ── what the program answers ─────────────────────────────────────────────────────────────────────


def test_the_program_s_functions_answer_whether_they_wait_or_not() -> None:
    async def later(day: str) -> str:
        await asyncio.sleep(2)
        return f"{day}, later"

    class Desk:
        async def __call__(self, day: str) -> str:
            return f"{day} at the desk"

    def at_once(day: str) -> str:
        return f"{day} at once"

    answers: list[tuple[Callable[..., Any], str]] = [
        (later, "thu, later"),
        (Desk(), "thu at the desk"),
        (at_once, "thu at once"),
    ]

    async def test() -> None:
        for handler, text in answers:
            bench = ToolBench(*ToolSet.of([schema_tool()]).answered({"ask": handler}).specs)
            assert await bench.ask("ask", '{"day": "thu"}') == text
            assert "argument 'day' is missing" in error_of(await bench.ask("ask"))

    simulated(test)


def test_an_answer_that_does_not_come_is_told_after_the_tool_s_time() -> None:
    async def never(day: str) -> None:
        await asyncio.Event().wait()

    async def test() -> None:
        bench = ToolBench(*ToolSet.of([schema_tool(timeout="4s")]).answered({"ask": never}).specs)
        text = error_of(await bench.ask("ask", '{"day": "thu"}'))
        assert text == "ask gave no answer within 4s. It may still have its effect."
        unanswered = ToolBench(*ToolSet.of([schema_tool()]).specs)
        assert error_of(await unanswered.ask("ask", '{"day": "x"}')) == "nobody answers ask in this call"

    simulated(test)


def test_a_thread_that_could_not_be_cancelled_is_refused_when_the_program_gives_it() -> None:
    tools = ToolSet.of([schema_tool(cancellable=True)], places=[PLACE])
    with pytest.raises(ConfigError, match=r"clinic\.yaml:5:7: a call of 'ask' can't be cancelled"):
        tools.answered({"ask": lambda day: day})


def test_the_program_has_to_answer_what_is_executed_and_nothing_else() -> None:
    tools: list[Tool] = [http_tool("https://x.example"), schema_tool()]
    check_answers(tools, {"ask": print}, live=True)
    check_answers(tools, {}, live=False)
    with pytest.raises(
        ConfigError, match=r"clinic\.yaml:5:7: the tool 'ask' is answered by the program"
    ) as error:
        check_answers(tools, {}, live=True, places=[PLACE, PLACE])
    assert "pipe.session(answers={'ask': function})" in str(error.value)
    with pytest.raises(UsageError, match=r"no tool 'aks' that the program answers\. Did you mean 'ask'"):
        check_answers(tools, {"aks": print}, live=False)
    with pytest.raises(UsageError, match="no tool 'find' that the program answers"):
        check_answers(tools, {"find": print}, live=False)
    with pytest.raises(UsageError, match="expected a function, found 5"):
        check_answers(tools, {"ask": 5}, live=False)  # type: ignore[dict-item] # as somebody may


# ── stubs, clocks and doors ──────────────────────────────────────────────────────────────────────


def test_stubs_answer_for_every_kind_without_any_connection() -> None:
    async def test() -> None:
        tools: list[Tool] = [schema_tool(), http_tool("https://x.example"), mcp_tool("book")]
        specs = ToolSet.of(tools, lock=LOCK).specs
        bench = ToolBench(*specs, mode=Stubs({"ask": 1, "find": {"slot": 2}, "book": "done"}))
        assert await bench.ask("ask", '{"day": "x"}') == "1"
        assert await bench.ask("find") == '{"slot":2}'
        assert await bench.ask("book") == "done"

    simulated(test)


def test_what_talks_to_the_world_is_refused_on_a_clock_that_leaps() -> None:
    async def test() -> None:
        ToolSet.of([schema_tool()]).check_clock(Clock())
        with pytest.raises(UsageError, match="'find' can't run on the simulated clock"):
            ToolSet.of([http_tool("https://x.example")]).check_clock(Clock())

    simulated(test)


class FakeDoor:
    """Notes what is done to it; ``fails`` is raised when it is opened."""

    def __init__(self, log: list[str], name: str, fails: Exception | None = None) -> None:
        self._log, self._name, self._fails = log, name, fails

    async def open(self, host: DoorHost) -> None:
        self._log.append(f"open {self._name}")
        if self._fails:
            raise self._fails

    async def close(self) -> None:
        self._log.append(f"close {self._name}")


def test_doors_are_opened_all_or_none() -> None:
    async def main() -> list[str]:
        log: list[str] = []
        workers = make_workers()
        host = DoorHost(workers, resolver(workers))
        good, bad = FakeDoor(log, "a"), FakeDoor(log, "b", SetupError("not there"))
        tools = replace(ToolSet(), doors=(good, bad))
        with pytest.raises(SetupError, match="not there"):
            await tools.connect(host)
        log.append("again")
        tools = replace(ToolSet(), doors=(good,))
        await tools.connect(host)
        await tools.close()
        workers.close()
        return log

    assert asyncio.run(main()) == ["open a", "open b", "close b", "close a", "again", "open a", "close a"]
