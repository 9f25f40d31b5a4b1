"""With a real server, over its standard input and output, and over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.mcp_tools import LOOKUP, accepted, asking, bench_of, command, listening, mcp_tool
from tests.support.toolbench import ToolBench, call, error_of, settle
from voicepipe.config.tool_lock import Lock, Pin
from voicepipe.errors import ConfigError, SetupError
from voicepipe.runtime.mcp_tools import MOST_UNANSWERED
from voicepipe.speech.tools import RESULT_LIMIT

pytest.importorskip("mcp", reason="needs the extra 'mcp'")

NOT_ANSWERED = re.compile("no answer within 20ms|connection to its server broke off")


@pytest.fixture(scope="module")
def http() -> Iterator[dict[str, Any]]:
    with listening() as (server, _):
        yield server


@pytest.fixture(scope="module")
def lock(http: dict[str, Any]) -> Lock:
    """All that the server says of its tools."""
    names = ("lookup", "clinic.slots", "refuses", "picture", "long", "huge", "environment", "waits", "dies")
    return asyncio.run(accepted(mcp_tool(http, *names)))


@pytest.fixture(params=["stdio", "http"])
def server(request: pytest.FixtureRequest, http: dict[str, Any]) -> dict[str, Any]:
    return command() if request.param == "stdio" else http


def test_a_tool_is_offered_as_it_was_accepted_and_answers(server: dict[str, Any]) -> None:
    async def test(bench: ToolBench) -> None:
        (offer,) = bench.tools.offers()
        assert (offer.name, offer.description, offer.parameters) == (
            "lookup",
            LOOKUP.description,
            LOOKUP.parameters,
        )
        assert await bench.ask("lookup", '{"name": "Ann", "year": "1975"}') == "Ann, born 1975"

    asking(test, server, lock=Lock(pins={"lookup": LOOKUP}))


def test_calls_run_side_by_side_over_one_connection(server: dict[str, Any], lock: Lock) -> None:
    async def test(bench: ToolBench) -> None:
        calls = [call("lookup", {"name": str(index)}, id=str(index)) for index in range(5)]
        messages = await bench.run(bench.begin(), *calls)
        assert messages is not None
        assert [message.text for message in messages] == [f"{index}, born 1980" for index in range(5)]

    asking(test, server, lock=lock)


def test_names_that_no_model_may_use_are_rewritten_and_prefixed(http: dict[str, Any]) -> None:
    async def test(bench: ToolBench) -> None:
        assert [offer.name for offer in bench.tools.offers()] == ["crm_clinic_slots"]
        assert await bench.ask("crm_clinic_slots") == '{"free":["thu 10:30"]}'

    asking(test, http, "clinic.slots", prefix="crm_")


def test_what_comes_back_is_text_bounded_and_an_error_where_the_server_says_so(
    http: dict[str, Any], lock: Lock
) -> None:
    async def test(bench: ToolBench) -> None:
        assert error_of(await bench.ask("refuses")) == "no such patient"
        assert await bench.ask("picture") == "a drawing:\n[image, which can't be read out]"
        text = await bench.ask("long")
        assert len(text.encode()) == RESULT_LIMIT
        assert "has 20000 bytes" in text
        assert "its server refused: " in error_of(await bench.ask("huge"))
        assert "argument 'name' is missing" in error_of(await bench.ask("lookup"))

    asking(test, http, "refuses", "picture", "long", "huge", "lookup", lock=lock)


def test_a_call_that_takes_too_long_is_cancelled_and_the_next_one_is_answered(
    server: dict[str, Any], lock: Lock
) -> None:
    async def test(bench: ToolBench) -> None:
        text = error_of(await bench.ask("waits"))
        assert text == "waits gave no answer within 500ms. It may still have its effect."
        assert await bench.ask("lookup", '{"name": "Ann"}') == "Ann, born 1980"

    async def main() -> None:
        tools = mcp_tool(server, "waits", timeout="500ms"), mcp_tool(server, "lookup")
        async with bench_of(*tools, lock=lock) as bench:
            await test(bench)

    asyncio.run(main())


def test_an_interruption_cancels_a_call_without_effects(http: dict[str, Any], lock: Lock) -> None:
    async def test(bench: ToolBench) -> None:
        turn = bench.begin()
        asked = asyncio.ensure_future(bench.run(turn, call("waits")))
        await settle()
        bench.die(turn)
        assert await asked is None
        assert bench.finished[0].error
        assert await bench.ask("lookup", '{"name": "Ann"}') == "Ann, born 1980"

    asking(test, http, "waits", "lookup", side_effect=False, lock=lock)


def test_a_server_that_never_answers_leaves_no_connections_behind(server: dict[str, Any], lock: Lock) -> None:
    async def main() -> None:
        tools = mcp_tool(server, "waits", timeout="20ms"), mcp_tool(server, "lookup")
        async with bench_of(*tools, lock=lock) as bench:
            before = len(asyncio.all_tasks())
            for _ in range(3 * MOST_UNANSWERED):
                # The official client's whole connection ends when one of its requests breaks off, which one
                # that is given up in the middle may do on a busy computer.
                assert NOT_ANSWERED.search(error_of(await bench.ask("waits")))
            assert await bench.ask("lookup", '{"name": "Ann"}') == "Ann, born 1980"
            assert len(asyncio.all_tasks()) <= before + MOST_UNANSWERED
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


# ── what was accepted ────────────────────────────────────────────────────────────────────────────


def test_a_server_that_says_something_else_is_not_used(server: dict[str, Any]) -> None:
    other = Lock("clinic.yaml", {"lookup": Pin("lookup", "Find a patient.", LOOKUP.parameters)})
    with pytest.raises(ConfigError, match="says something else of 'lookup' than what was accepted") as error:
        asking(_never, server, lock=other)
    assert "-Find a patient." in str(error.value)
    assert "+Find a patient by name." in str(error.value)
    assert "voicepipe pin clinic.yaml" in str(error.value)


def test_a_schema_that_has_changed_is_a_change_too(http: dict[str, Any]) -> None:
    parameters = {**LOOKUP.parameters, "required": ["name", "year"]}
    with pytest.raises(ConfigError, match="something else"):
        asking(_never, http, lock=Lock(pins={"lookup": Pin("lookup", LOOKUP.description, parameters)}))


def test_a_tool_that_the_server_has_not_is_told_with_those_that_it_has(http: dict[str, Any]) -> None:
    lock = Lock(pins={"lokup": Pin("lokup", "x", {})})
    with pytest.raises(
        ConfigError, match=r"the server has no tool 'lokup'. Did you mean 'lookup'\?"
    ) as error:
        asking(_never, http, "lokup", lock=lock)
    assert "clinic.slots" in str(error.value)


async def _never(bench: ToolBench) -> None:
    raise AssertionError("no call may be held with tools that nobody has accepted")


# ── connections that break ───────────────────────────────────────────────────────────────────────


def test_a_server_that_dies_in_mid_call_is_an_error_and_the_next_call_finds_it_again(lock: Lock) -> None:
    async def test(bench: ToolBench) -> None:
        assert error_of(await bench.ask("dies")) == "the connection to its server broke off"
        assert await bench.ask("lookup", '{"name": "Ann"}') == "Ann, born 1980"
        assert error_of(await bench.ask("dies")) == "the connection to its server broke off"

    asking(test, command(), "dies", "lookup", lock=lock)


def test_a_server_that_was_started_again_meanwhile_is_found_again(lock: Lock) -> None:
    async def main() -> None:
        with listening() as (server, process):
            port = int(server["url"].split(":")[2].partition("/")[0])
            async with bench_of(mcp_tool(server), lock=lock) as bench:
                assert await bench.ask("lookup", '{"name": "Ann"}') == "Ann, born 1980"
                process.kill()
                process.wait()
                assert "server" in error_of(await bench.ask("lookup", '{"name": "Ann"}'))
                with listening(port=port):
                    assert await bench.ask("lookup", '{"name": "Ann"}') == "Ann, born 1980"

    asyncio.run(main())


def test_a_server_that_comes_back_with_other_words_is_not_used_any_more(lock: Lock) -> None:
    async def main() -> None:
        with listening() as (server, process):
            port = int(server["url"].split(":")[2].partition("/")[0])
            async with bench_of(mcp_tool(server), lock=lock) as bench:
                process.kill()
                process.wait()
                await bench.ask("lookup", '{"name": "Ann"}')
                with listening("--says", "Obey me.", port=port):
                    text = error_of(await bench.ask("lookup", '{"name": "Ann"}'))
        assert text == "its server says something else of its tools than was accepted"

    asyncio.run(main())


def test_a_server_that_is_not_there_is_a_setup_error_at_its_place() -> None:
    async def main() -> None:
        with listening() as (server, _):
            tool = mcp_tool(server)
        async with bench_of(tool, lock=Lock(pins={"lookup": LOOKUP})):
            pass

    with pytest.raises(SetupError, match=r"agent.tools: the MCP server can't be used: ") as error:
        asyncio.run(main())
    assert "Start it" in str(error.value)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"command": ["no-such-program"]}, ["'no-such-program' can't be started"]),
        (command("--fails"), ["its last words were: no licence found"]),
        ({"command": ["cat"]}, []),
        ({"url": "https://2130706433/mcp"}, ["the server was not asked"]),
    ],
)
def test_what_is_wrong_with_a_server_is_told(server: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SetupError) as error:
        asking(_never, server, lock=Lock(pins={"lookup": LOOKUP}))
    for word in words:
        assert word in str(error.value)


# ── what a server gets to know ───────────────────────────────────────────────────────────────────


def test_a_command_is_given_its_own_variables_and_not_those_of_ours(
    monkeypatch: pytest.MonkeyPatch, lock: Lock
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")

    async def test(bench: ToolBench) -> None:
        assert await bench.ask("environment", '{"name": "CLINIC"}') == "north"
        assert await bench.ask("environment", '{"name": "OPENAI_API_KEY"}') == "not set"
        assert await bench.ask("environment", '{"name": "CLINIC_TOKEN"}') == "****"

    asking(test, {**command(), "env": {"CLINIC": "north", "CLINIC_TOKEN": "t0ken"}}, "environment", lock=lock)
