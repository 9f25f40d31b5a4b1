"""What is said while tools run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.support.toolbench import ToolBench, call, error_of, settle, simulated
from voicepipe.core.units import MS, SECOND
from voicepipe.runtime.tool_modes import Stubs
from voicepipe.runtime.tools import SAY_AFTER
from voicepipe.speech.tools import ToolSpec, tool, tool_spec

AFTER = SAY_AFTER // MS


def takes(name: str, seconds: float, words: str | None = None, **options: Any) -> ToolSpec:
    """A tool that answers after so long, and what it has to say meanwhile."""

    async def wait() -> str:
        """Wait."""
        await asyncio.sleep(seconds)
        return "done"

    spec = tool_spec(tool(name=name, say_while_running=words, **options)(wait))
    return replace(spec, timeout_s=options.get("timeout", 30.0))


def test_a_tool_that_takes_its_time_has_its_words_said_after_a_while_and_once() -> None:
    async def test() -> None:
        bench = ToolBench(takes("find", 8, "Let me look."))
        assert await bench.ask_meanwhile("find") == ["done"]
        assert bench.said == [(AFTER, "Let me look.")]
        assert bench.clock.now() == 8 * SECOND

    simulated(test)


@pytest.mark.parametrize("seconds", [0, 0.2, 0.29])
def test_a_tool_that_answers_soon_says_nothing(seconds: float) -> None:
    async def test() -> None:
        bench = ToolBench(takes("find", seconds, "Let me look."))
        assert await bench.ask_meanwhile("find") == ["done"]
        assert bench.said == []
        assert bench.clock.now() == seconds * SECOND

    simulated(test)


def test_where_the_model_had_words_of_its_own_nothing_is_said_on_top() -> None:
    async def test() -> None:
        bench = ToolBench(takes("find", 8, "Let me look."))
        await bench.ask_meanwhile("find", fills=False)
        assert bench.said == []

    simulated(test)


def test_of_several_tools_at_once_the_first_that_still_runs_and_has_words_is_heard() -> None:
    async def test() -> None:
        bench = ToolBench(
            takes("silent", 8),
            takes("quick", 0.1, "This will be quick."),
            takes("find", 8, "Let me look."),
            takes("search", 8, "Let me search."),
        )
        await bench.ask_meanwhile("silent", "quick", "find", "search")
        assert bench.said == [(AFTER, "Let me look.")]

    simulated(test)


def test_the_same_words_are_not_said_twice_in_a_row_in_one_reply() -> None:
    async def test() -> None:
        bench = ToolBench(takes("find", 1, "Let me look."), takes("search", 1, "Let me search."))
        turn = bench.begin()
        for names in (["find"], ["find"], ["find", "search"], ["find"]):
            await bench.ask_meanwhile(*names, turn=turn)
        assert [words for _, words in bench.said] == ["Let me look.", "Let me search.", "Let me look."]

    simulated(test)


def test_after_words_of_the_model_and_in_another_reply_they_may_come_again() -> None:
    async def test() -> None:
        bench = ToolBench(takes("find", 1, "Let me look."))
        turn = bench.begin()
        await bench.ask_meanwhile("find", turn=turn)
        await bench.ask_meanwhile("find", turn=turn, fills=False)
        await bench.ask_meanwhile("find", turn=turn)
        bench.turns.interrupt()
        await bench.ask_meanwhile("find")
        assert [words for _, words in bench.said] == ["Let me look."] * 3

    simulated(test)


def test_a_draft_says_nothing_before_its_commit() -> None:
    async def test() -> None:
        bench = ToolBench(takes("find", 8, "Let me look.", side_effect=False))
        draft = bench.begin(live=False)
        running = asyncio.ensure_future(bench.ask_meanwhile("find", turn=draft))
        await bench.clock.sleep(2 * SECOND)
        assert bench.said == []
        bench.commit(draft)
        await settle()
        assert bench.said == [(2000, "Let me look.")]  # it has taken long enough
        await running

    simulated(test)


def test_a_tool_with_effects_takes_its_time_from_the_commit_on() -> None:
    async def test() -> None:
        bench = ToolBench(takes("book", 8, "I'll book it."))
        draft = bench.begin(live=False)
        running = asyncio.ensure_future(bench.ask_meanwhile("book", turn=draft))
        await bench.clock.sleep(2 * SECOND)
        bench.commit(draft)
        await running
        assert bench.said == [(2000 + AFTER, "I'll book it.")]

    simulated(test)


def test_a_draft_whose_tools_have_answered_goes_on_before_its_commit() -> None:
    async def test() -> None:
        bench = ToolBench(takes("find", 1, "Let me look.", side_effect=False))
        assert await bench.ask_meanwhile("find", turn=bench.begin(live=False)) == ["done"]
        assert bench.clock.now() == 1 * SECOND
        assert bench.said == []
        await settle()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    simulated(test)


@pytest.mark.parametrize("committed", [False, True])
def test_a_turn_that_dies_says_nothing_any_more(committed: bool) -> None:
    async def test() -> None:
        bench = ToolBench(takes("find", 8, "Let me look.", side_effect=False))
        turn = bench.begin(live=committed)
        running = asyncio.ensure_future(bench.run(turn, call("find")))
        await bench.clock.sleep(100 * MS)
        bench.turns.discard()
        bench.turns.interrupt()
        assert await running is None
        await bench.clock.sleep(10 * SECOND)
        assert bench.said == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    simulated(test)


def test_the_variables_of_the_call_are_inserted() -> None:
    async def test() -> None:
        find = replace(takes("find", 8), say_while_running="One moment, {{ name }}.")
        bench = ToolBench(find, variables={"name": "Ann\n{{name}}"})
        await bench.ask_meanwhile("find")
        assert bench.said == [(AFTER, "One moment, Ann {{name}}.")]

    simulated(test)


def test_words_that_a_variable_leaves_empty_are_not_said() -> None:
    async def test() -> None:
        bench = ToolBench(replace(takes("find", 8), say_while_running="{{name}}?"), variables={"name": ""})
        await bench.ask_meanwhile("find")
        assert bench.said == []

    simulated(test)


def test_a_stub_with_a_delay_is_waited_for_with_the_same_words() -> None:
    async def test() -> None:
        stubs = Stubs({"find": {"result": "at ten", "delay": "2s"}, "search": "at once"})
        bench = ToolBench(takes("find", 0, "Let me look."), takes("search", 8, "Let me search."), mode=stubs)
        assert await bench.ask_meanwhile("search") == ["at once"]
        assert await bench.ask_meanwhile("find") == ["at ten"]
        assert bench.said == [(AFTER, "Let me look.")]

    simulated(test)


def test_a_tool_that_never_answers_is_filled_in_for_and_then_given_up() -> None:
    async def test() -> None:
        bench = ToolBench(takes("find", 3600, "Let me look.", timeout=5.0))
        (answer,) = await bench.ask_meanwhile("find")
        assert "no answer within 5s" in error_of(answer)
        assert bench.said == [(AFTER, "Let me look.")]

    simulated(test)
