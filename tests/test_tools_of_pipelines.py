"""Conversations in which a pipeline's tools are servers, or questions to the program that holds the call."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import pipeline, voicepipe
from tests.support.mcp_tools import CLINIC, LOOKUP
from tests.support.tool_pipelines import FIND, pipeline_of, serving
from tests.support.without import site_without, spawn_with
from voicepipe.api import RATE, Call, Pipeline
from voicepipe.cli.files import shipped
from voicepipe.config.tool_lock import lock_text
from voicepipe.core.clock import run_on
from voicepipe.core.records import ToolFinished, TurnEnded
from voicepipe.errors import ConfigError, SetupError, UsageError
from voicepipe.runtime.tool_modes import Stubs
from voicepipe.testing.tool_server import Answer
from voicepipe.transports.wav import Typed, WavCall

pytest.importorskip("mcp", reason="needs the extra 'mcp'")

TEST = """\
tests:
  - name: a slot is found
    tool_results: {find: {slot: on Thursday}}
    steps:
      - user: {say: is there a slot}
      - expect: {tool: find, args: {day: thursday}, says: on Thursday}
"""
MCP = f"{{mcp: {{command: ['{sys.executable}', '{CLINIC}']}}, allow: [lookup]}}"
MCP_TEST = """\
tests:
  - name: a patient is found
    tool_results: {lookup: Ann of the stubs}
    steps:
      - user: {say: ann}
      - expect: {tool: lookup, args: {name: Ann}, says: of the stubs}
"""
ASK = "{schema: find.json}"
STARTS = "{mcp: {command: [touch, started]}, allow: [lookup]}"
"""A command that tells that it was started."""


def write(folder: Path, tool: str, *more: str, lock: bool = True) -> Path:
    (folder / "find.json").write_text(FIND)
    if lock:
        (folder / "pipeline.lock.json").write_text(lock_text({"lookup": LOOKUP}))
    return pipeline(folder, pipeline_of(tool, *more))


def http(origin: str, *more: str) -> str:
    return (
        "{" + ", ".join([f"http: '{origin}/find'", "schema: find.json", "allow_private: true", *more]) + "}"
    )


async def converse(call: Call, *lines: str) -> list[Any]:
    ends = WavCall(call.clock, [Typed(line) for line in lines], rate=RATE)
    return [event async for _, event in call.run(ends.caller, ends.output)]


def said(events: list[Any]) -> list[str]:
    return [event.said for event in events if isinstance(event, TurnEnded)]


# ── voicepipe run ────────────────────────────────────────────────────────────────────────────────


def test_a_call_asks_a_server_and_says_what_it_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_TOKEN", "t0ken-of-crm")
    echo = Answer(content={"slot": "on Thursday t0ken-of-crm"})
    with serving(echo) as server:
        tool = http(
            server.origin, "headers: {Authorization: 'Bearer ${env:CRM_TOKEN}'}", "side_effect: false"
        )
        file, log = write(tmp_path, tool), tmp_path / "log.jsonl"
        done = voicepipe(capsys, "run", file, "--text", "a slot", "--text", "a bad one", "--events", log)
    assert done.status == 0, done.err
    assert "You can come on Thursday ****." in done.err
    assert "there is no argument 'week'" in done.err
    (request,) = server.requests
    assert (request.path, request.headers["authorization"]) == ("/find?day=thursday", "Bearer t0ken-of-crm")
    assert "t0ken-of-crm" not in done.err + log.read_text()
    assert '"name":"find"' in log.read_text()


def test_a_server_of_a_tool_is_no_part_of_a_simulated_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as server:
        file = write(tmp_path, http(server.origin))
        done = voicepipe(capsys, "run", file, "--text", "a slot", "--clock", "simulated")
    assert (done.status, server.requests) == (2, [])
    assert "the tool 'find' can't run on the simulated clock" in done.err


def test_a_call_asks_an_mcp_server_that_it_starts_and_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = voicepipe(capsys, "run", write(tmp_path, MCP), "--text", "ann")
    assert done.status == 0, done.err
    assert "It is Ann, born 1980." in done.err


def test_an_mcp_server_that_nobody_has_accepted_is_not_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, STARTS, lock=False)
    done = voicepipe(capsys, "run", file, "--text", "ann")
    assert done.status == 2
    assert f"{file}:4:11: nobody has accepted the MCP tool 'lookup' yet" in done.err
    assert not (tmp_path / "started").exists()


def test_without_code_a_command_is_refused_and_an_address_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = voicepipe(capsys, "run", write(tmp_path, MCP), "--text", "ann", "--no-code")
    assert done.status == 2
    assert "pipeline.yaml:4:18: own code isn't allowed here: the command of an MCP server" in done.err
    by_url = write(tmp_path, "{mcp: {url: 'https://crm.example/mcp'}, allow: [lookup]}")
    assert voicepipe(capsys, "validate", by_url, "--no-code").status == 0


def test_a_tool_for_the_program_is_an_error_where_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = voicepipe(capsys, "run", write(tmp_path, ASK), "--text", "a slot")
    assert done.status == 2
    assert "pipeline.yaml:4:11: the tool 'find' is answered by the program that holds the call" in done.err


# ── voicepipe test ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tool", "test"),
    [
        (http("http://127.0.0.1:9"), TEST),
        (ASK, TEST),
        ("{mcp: {command: [touch, started]}, allow: [lookup]}", MCP_TEST),
    ],
    ids=["http", "schema", "mcp"],
)
def test_tests_answer_for_every_kind_of_tool_and_contact_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tool: str, test: str
) -> None:
    file = write(tmp_path, tool, test)
    done = voicepipe(capsys, "test", file)
    assert done.status == 0, done.err
    assert not (tmp_path / "started").exists()


def test_tests_on_the_real_clock_start_no_server_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert voicepipe(capsys, "test", write(tmp_path, STARTS, MCP_TEST), "--clock", "real").status == 0
    assert not (tmp_path / "started").exists()


def test_tests_with_live_tools_ask_the_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Answer(content={"slot": "on Thursday"})) as server:
        file = write(tmp_path, http(server.origin), TEST)
        done = voicepipe(capsys, "test", file, "--tools", "live", "--clock", "real")
        assert done.status == 0, done.err
        assert len(server.requests) == 1
        refused = voicepipe(capsys, "test", file, "--tools", "live")
    assert refused.status == 1
    assert "can't run on the simulated clock" in refused.err


def test_a_stub_for_a_tool_that_there_is_not_knows_those_of_every_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{ASK}, {MCP}", TEST.replace("{find:", "{lokup:"))
    done = voicepipe(capsys, "test", file)
    assert done.status == 2
    assert "there is no tool 'lokup'. Did you mean 'lookup'?" in done.err


def test_the_shipped_clinic_is_what_its_server_says_and_passes_its_tests(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    clinic = shipped("clinic.yaml")
    assert voicepipe(capsys, "test", clinic).status == 0
    assert voicepipe(capsys, "pin", clinic, "--check").status == 0


# ── commands that run nothing ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", ["validate", "config", "graph", "doctor"])
def test_a_command_that_only_looks_starts_no_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    file = write(tmp_path, STARTS)
    assert voicepipe(capsys, command, file).status == 0
    assert not (tmp_path / "started").exists()


def test_config_shows_no_secret_of_a_tool(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_TOKEN", "t0ken-of-crm")
    headers = "headers: {X-Tenant: 'of ${env:CRM_TOKEN}', X-Api-Key: literal-key}"
    file = write(tmp_path, http("https://crm.example", headers))
    shown = voicepipe(capsys, "config", file)
    assert "t0ken-of-crm" not in shown.out
    assert "literal-key" not in shown.out
    warned = voicepipe(capsys, "validate", file)
    assert "'X-Api-Key' is written literally" in warned.err


def test_what_is_missing_for_a_tool_is_told_with_its_extra(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    site_without(site, ["jsonschema", "mcp"])
    file = write(tmp_path, f"{ASK}, {MCP}")
    found = spawn_with(site, "doctor", file, cwd=tmp_path)
    assert found.status == 3
    assert "[tools]" in found.out
    assert "[mcp]" in found.out
    assert spawn_with(site, "validate", file, cwd=tmp_path).status == 0
    tested = spawn_with(site, "test", write(tmp_path, ASK, TEST), cwd=tmp_path)
    assert tested.status == 3
    assert "a tool with a JSON schema needs the package 'jsonschema'" in tested.err


# ── Python ───────────────────────────────────────────────────────────────────────────────────────


def test_a_program_answers_its_own_tools_in_each_session_for_itself(tmp_path: Path) -> None:
    async def main() -> list[list[str]]:
        found = []
        async with Pipeline.from_yaml(write(tmp_path, ASK)) as pipe:
            for name in ("Ann", "Bob"):

                async def find(day: str, name: str = name) -> dict[str, str]:
                    await asyncio.sleep(1)
                    return {"slot": f"on {day}, {name}"}

                async with pipe.session(answers={"find": find}) as call:
                    found.append(said(await converse(call, "a slot")))
        return found

    texts = run_on("simulated", main())
    assert texts == [["You can come on thursday, Ann."], ["You can come on thursday, Bob."]]


def test_a_program_that_does_not_answer_in_time_is_told_of(tmp_path: Path) -> None:
    async def find(day: str) -> None:
        await asyncio.Event().wait()

    async def main() -> list[Any]:
        pipe = Pipeline.from_yaml(write(tmp_path, "{schema: find.json, timeout: 3s}"))
        async with pipe.session(answers={"find": find}) as call:
            return await converse(call, "a slot")

    (finished,) = (event for event in run_on("simulated", main()) if isinstance(event, ToolFinished))
    assert json.loads(finished.result) == {
        "error": "find gave no answer within 3s. It may still have its effect."
    }


def test_answers_go_to_a_call_that_is_held_in_one_piece(tmp_path: Path) -> None:
    pipe = Pipeline.from_yaml(write(tmp_path, ASK))
    report = pipe.run_sync(text="a slot", clock="simulated", answers={"find": lambda day: {"slot": day}})
    assert [turn.agent for turn in report.turns] == ["You can come thursday."]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ConfigError, "the tool 'find' is answered by the program that holds the call"),
        ({"answers": {"fnid": print}}, UsageError, "there is no tool 'fnid' that the program answers"),
        ({"tool_mode": Stubs({}), "answers": {"x": print}}, UsageError, "there is no tool 'x'"),
    ],
)
def test_a_session_that_could_not_be_answered_does_not_begin(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    async def main() -> None:
        async with Pipeline.from_yaml(write(tmp_path, ASK)).session(**options):
            raise AssertionError("it must not begin")

    with pytest.raises(error, match=message):
        run_on("simulated", main())


def test_sessions_share_a_server_and_the_last_one_closes_it(tmp_path: Path) -> None:
    async def main() -> list[list[str]]:
        pipe = Pipeline.from_yaml(write(tmp_path, MCP))
        found: list[list[str]] = []

        async def hold() -> None:
            async with pipe.session() as call:
                found.append(said(await converse(call, "ann")))

        async with pipe:
            tasks = len(asyncio.all_tasks())
            async with asyncio.TaskGroup() as group:
                group.create_task(hold())
                group.create_task(hold())
            assert len(asyncio.all_tasks()) == tasks
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return found

    assert asyncio.run(main()) == [["It is Ann, born 1980."]] * 2


def test_a_session_with_live_tools_connects_a_pipeline_that_began_without(tmp_path: Path) -> None:
    async def main() -> list[str]:
        pipe = Pipeline.from_yaml(write(tmp_path, MCP))
        async with pipe.session(tool_mode=Stubs({"lookup": "a stub"})) as stubbed:
            first = said(await converse(stubbed, "ann"))
            async with pipe.session() as live:
                return first + said(await converse(live, "ann"))

    assert asyncio.run(main()) == ["It is a stub.", "It is Ann, born 1980."]


def test_a_server_that_can_not_be_started_stops_the_pipeline_before_any_call(tmp_path: Path) -> None:
    async def main() -> None:
        pipe = Pipeline.from_yaml(write(tmp_path, "{mcp: {command: [no-such-program]}, allow: [lookup]}"))
        with pytest.raises(SetupError, match=r"pipeline.yaml:4:11: the MCP server can't be used") as error:
            async with pipe:
                raise AssertionError("it must not start")
        assert "'no-such-program' can't be started" in str(error.value)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
