"""A tool that never returns: the model is told in time, and the log has it, on every clock."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.support.toolbench import ToolBench, call, error_of
from voicepipe.core.clock import Clock, ClockName, run_on
from voicepipe.core.units import MS
from voicepipe.runtime.inline_workers import InlineWorkers
from voicepipe.runtime.workers import ThreadWorkers
from voicepipe.speech.tools import tool

CLOCKS: tuple[ClockName, ...] = ("real", "simulated", "charged")
TIMEOUT = 0.02


def workers(clock: ClockName) -> ThreadWorkers | InlineWorkers:
    return ThreadWorkers() if clock == "real" else InlineWorkers(clock, least_ns=MS)


class Hanging:
    """One that waits in a thread, and one that waits on the loop."""

    def __init__(self) -> None:
        self.go = threading.Event()

        @tool(timeout=TIMEOUT)
        def hang() -> None:
            """Hang in a thread."""
            self.go.wait()

        @tool(timeout=TIMEOUT, side_effect=False)
        async def hang_on_the_loop() -> None:
            """Wait for what never comes."""
            await asyncio.Event().wait()

        self.functions = (hang, hang_on_the_loop)


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", ["hang", "hang_on_the_loop"])
def test_the_model_is_told_and_the_log_has_it(name: str, clock: ClockName) -> None:
    async def main() -> None:
        hanging = Hanging()
        bench = ToolBench(*hanging.functions, workers=workers(clock))
        answer = await bench.ask(name)
        assert error_of(answer).startswith(f"{name} gave no answer within 20ms")
        assert ("It may still have its effect." in answer) == (name == "hang")
        assert [(f.name, f.result, f.error) for f in bench.finished] == [(name, answer, True)]
        if clock == "simulated":
            assert bench.clock.now() == 20 * MS
        await bench.tools.close()
        hanging.go.set()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_on(clock, main())


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_turn_that_dies_meanwhile_has_its_answers_all_the_same(clock: ClockName) -> None:
    async def main() -> None:
        hanging = Hanging()
        bench = ToolBench(*hanging.functions, workers=workers(clock))
        turn = bench.begin()
        calls = [call("hang", id="a"), call("hang_on_the_loop", id="b")]
        running = asyncio.ensure_future(bench.run(turn, *calls))
        while len(bench.started) < 2:  # noqa: ASYNC110 - a record is no event that could be awaited
            await asyncio.sleep(0)
        bench.die(turn)
        assert await running is None
        await bench.tools.close()
        hanging.go.set()
        assert sorted(f.call_id for f in bench.finished) == ["a", "b"]
        answers = sorted(error_of(answer) for answer in bench.answers())
        assert ["no answer within" in answers[0], answers[1]] == [True, "interrupted before it finished"]
        assert Clock().name == clock

    run_on(clock, main())
