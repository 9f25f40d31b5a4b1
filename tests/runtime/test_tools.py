from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.toolbench import ToolBench, add, book, call, dawdles, error_of, simulated
from tests.support.workers import Stuck, pool
from voicepipe.config.tool_models import BuiltinTool, PythonTool
from voicepipe.core.units import SECOND
from voicepipe.errors import ConfigError, ToolError
from voicepipe.runtime.tool_modes import Stubs
from voicepipe.runtime.tools import MAX_CALLS, ToolSet
from voicepipe.speech.tools import tool

SECRET = "sk-very-secret"


@tool(side_effect=False)
async def double(a: int) -> int:
    """Double a number."""
    await asyncio.sleep(0)
    return 2 * a


@tool(side_effect=False)
def raises() -> None:
    """Raise."""
    raise LookupError(f"no\nrow at https://crm.example?key={SECRET} " + "x" * 5000)


@tool(side_effect=False)
async def complains() -> None:
    """Say what is wrong."""
    raise ToolError("there is no such order", hint="not for the model")


@tool(side_effect=False)
async def leaves() -> None:
    """End the process."""
    sys.exit(3)


@tool(side_effect=False)
def leaves_in_a_thread() -> None:
    """End the process."""
    sys.exit(3)


@tool(side_effect=False)
async def cancels_itself() -> None:
    """Raise the exception that nobody else may."""
    raise asyncio.CancelledError


@tool(side_effect=False)
def gives_an_object() -> object:
    """Return what has no JSON form."""
    return object()


@tool(side_effect=False)
def times_out_by_itself() -> None:
    """Raise what the deadline would raise."""
    raise TimeoutError("the database slept")


# ── what the model sees ──────────────────────────────────────────────────────────────────────────


def test_tools_are_offered_with_their_schemas() -> None:
    async def test() -> None:
        (offer,) = ToolBench(add).tools.offers()
        assert (offer.name, offer.description) == ("add", "Add two numbers.")
        assert offer.parameters["required"] == ["a"]

    simulated(test)


def test_sync_and_async_tools_answer_in_the_order_of_the_calls() -> None:
    async def test() -> None:
        bench = ToolBench(add, double)
        messages = await bench.run(
            bench.begin(), call("double", {"a": 4}, "x"), call("add", {"a": 1, "b": 2}, "y")
        )
        assert messages is not None
        assert [(m.role, m.tool_call_id, m.text) for m in messages] == [
            ("tool", "x", "8"),
            ("tool", "y", '{"sum":3}'),
        ]

    simulated(test)


def test_calls_run_side_by_side() -> None:
    async def test() -> None:
        bench = ToolBench(book)
        await bench.run(bench.begin(), call("book", id="1"), call("book", id="2"))
        assert bench.clock.now() == 3 * SECOND

    simulated(test)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("ad", "{}", "no tool named 'ad'"),
        ("add", "{", "not JSON"),
        ("add", "[1]", "expected a JSON object"),
        ("add", '{"c": 1}', "'a' is missing"),
        ("add", '{"a": "many"}', "argument 'a'"),
        ("add", '{"a": ' + "1" * 70_000 + "}", "longer than 65536"),
        ("add", "[" * 5000, "not JSON|nesting"),
        ("raises", "{}", "LookupError: no row at"),
        ("complains", "{}", "^there is no such order$"),
        ("leaves", "{}", "tried to end the process"),
        ("leaves_in_a_thread", "{}", "SystemExit"),
        ("cancels_itself", "{}", "cancelled itself"),
        ("gives_an_object", "{}", "no JSON form"),
        ("times_out_by_itself", "{}", "TimeoutError: the database slept"),
        ("dawdles", "{}", "no answer within 2s"),
    ],
)
def test_whatever_goes_wrong_is_an_error_for_the_model_and_recorded_once(
    name: str, arguments: str, expected: str
) -> None:
    async def test() -> None:
        bench = ToolBench(
            add,
            raises,
            complains,
            leaves,
            leaves_in_a_thread,
            cancels_itself,
            gives_an_object,
            times_out_by_itself,
            dawdles,
            secrets=[SECRET],
        )
        text = await bench.ask(name, arguments)
        assert re.search(expected, error_of(text))
        assert SECRET not in text
        assert "Traceback" not in text
        assert len(text) < 2500
        assert [(s.name, s.call_id) for s in bench.started] == [(name, "c1")]
        assert [(f.name, f.call_id, f.result, f.error) for f in bench.finished] == [(name, "c1", text, True)]

    simulated(test)


def test_a_long_result_is_cut_and_says_so() -> None:
    @tool(side_effect=False)
    def long() -> str:
        """Return a lot."""
        return "x" * 100_000

    async def test() -> None:
        text = await ToolBench(long).ask("long")
        assert len(text) < 10_000
        assert "cut" in text

    simulated(test)


def test_a_model_that_calls_too_many_tools_at_once_gets_errors_for_the_rest() -> None:
    async def test() -> None:
        bench = ToolBench(add)
        calls = [call("add", {"a": n}, str(n)) for n in range(MAX_CALLS + 2)]
        messages = await bench.run(bench.begin(), *calls)
        assert messages is not None
        assert [m.text for m in messages[:MAX_CALLS]] == [f'{{"sum":{n + 1}}}' for n in range(MAX_CALLS)]
        assert all("more than" in error_of(m.text) for m in messages[MAX_CALLS:])

    simulated(test)


def test_no_calls_are_no_messages() -> None:
    async def test() -> None:
        bench = ToolBench(add)
        assert await bench.run(bench.begin()) == []

    simulated(test)


@given(st.text(max_size=60))
def test_any_arguments_give_one_message_and_one_pair_of_records(arguments: str) -> None:
    async def test() -> None:
        bench = ToolBench(add)
        text = await bench.ask("add", arguments)
        assert text == '{"sum":2}' or error_of(text)
        assert (len(bench.started), len(bench.finished)) == (1, 1)

    simulated(test)


def test_what_the_model_wrote_is_recorded_as_an_object_or_else_as_it_is() -> None:
    async def test() -> None:
        bench = ToolBench(add)
        for arguments in ('{"a": 1}', "", "nonsense"):
            await bench.ask("add", arguments)
        assert [started.arguments for started in bench.started] == [{"a": 1}, {}, "nonsense"]

    simulated(test)


# ── in worker threads ────────────────────────────────────────────────────────────────────────────


def test_a_sync_tool_that_hangs_is_abandoned_at_its_time_out() -> None:
    async def test() -> None:
        stuck = Stuck()

        @tool(timeout=0.01)
        def hangs() -> str:
            """Hang, as in C code."""
            return stuck()

        with pool() as workers:
            bench = ToolBench(hangs, workers=workers)
            message = error_of(await bench.ask("hangs"))
            stuck.let_go()
        assert "no answer within 10ms" in message
        assert "may still have its effect" in message
        assert len(bench.finished) == 1

    asyncio.run(test())


# ── a pipeline's tools ───────────────────────────────────────────────────────────────────────────

FILE = '''
from voicepipe.speech.tools import tool

@tool(side_effect=False, timeout="3s")
def find(name: str) -> str:
    """Find a customer."""
    return name.upper()

@tool
def book(day: str) -> str:
    """Book a day."""
    return day
'''


def test_the_tools_of_a_file_come_with_what_the_pipeline_says_of_them(tmp_path: Path) -> None:
    path = tmp_path / "tools.py"
    path.write_text(FILE)
    whole = ToolSet.of([PythonTool(python=str(path))])
    assert [(s.name, s.timeout_s, s.side_effect) for s in whole.specs] == [
        ("find", 3.0, False),
        ("book", 10.0, True),
    ]
    one = ToolSet.of(
        [PythonTool.model_validate({"python": f"{path}:book", "timeout": "1s", "side_effect": False})]
    )
    assert [(s.name, s.timeout_s, s.side_effect) for s in one.specs] == [("book", 1.0, False)]


def test_a_pipeline_says_what_becomes_of_calls_that_are_interrupted_or_take_long(tmp_path: Path) -> None:
    path = tmp_path / "tools.py"
    path.write_text(FILE.replace("def book", "async def book"))
    entry = {"python": f"{path}:book", "cancellable": True, "say_while_running": "One moment, {{name}}."}
    (book,) = ToolSet.of([PythonTool.model_validate(entry)]).specs
    assert (book.cancellable, book.say_while_running) == (True, "One moment, {{name}}.")


def test_a_thread_with_effects_that_a_pipeline_wants_to_cancel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tools.py"
    path.write_text(FILE)
    with pytest.raises(ConfigError, match="'book' can't be cancelled") as caught:
        ToolSet.of([PythonTool.model_validate({"python": str(path), "cancellable": True})])
    assert caught.value.path == str(path)


def test_functions_and_builtins_are_tools_too() -> None:
    tools = ToolSet.of([BuiltinTool(builtin="current_time")], [add])
    assert list(tools.by_name(hang_up=print)) == ["current_time", "add"]


def test_two_tools_of_one_name_are_refused_before_any_call() -> None:
    def end_call() -> None:
        """Not the built-in one."""

    with pytest.raises(ConfigError, match="two tools named 'end_call'"):
        ToolSet.of([BuiltinTool(builtin="end_call")], [end_call])


def test_end_call_hangs_up_also_where_tools_are_stubs_and_only_the_builtin_does() -> None:
    def end_call() -> None:
        """Somebody's own."""

    async def test() -> None:
        builtin = ToolBench(builtins=("end_call",), mode=Stubs({}))
        assert "goodbye" in await builtin.ask("end_call")
        assert len(builtin.reasons) == 1
        own = ToolBench(end_call, mode=Stubs({}))
        assert "no stub" in error_of(await own.ask("end_call"))

    simulated(test)


def test_stubs_answer_instead_of_the_function_and_arguments_are_still_checked() -> None:
    async def test() -> None:
        bench = ToolBench(add, dawdles, mode=Stubs({"add": {"sum": 42}, "dawdles": {"delay": "3s"}}))
        assert json.loads(await bench.ask("add", '{"a": 1}')) == {"sum": 42}
        assert "'a' is missing" in error_of(await bench.ask("add"))
        began = bench.clock.now()
        assert "no answer within 2s" in error_of(await bench.ask("dawdles"))
        assert bench.clock.now() - began == 2 * SECOND

    simulated(test)
