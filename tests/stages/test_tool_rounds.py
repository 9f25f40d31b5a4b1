from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.stages import Bench, FakeLlm, FakeTools
from voicepipe.core.clock import run_on
from voicepipe.core.frames import ToolWaiting
from voicepipe.core.messages import Message, ToolCall
from voicepipe.errors import ProviderError
from voicepipe.stages.base import Agent
from voicepipe.stages.llm import Llm, LlmConfig
from voicepipe.stages.tool_rounds import with_tools

FIND = ToolCall(id="c1", name="find", arguments="{}")


class Talk:
    """Asks for each list of calls in turn; keeps the results that it is given."""

    def __init__(self, *asked: list[ToolCall], tools: FakeTools) -> None:
        self.on = Bench(Llm(LlmConfig(), FakeLlm(None), Agent()), tools=tools)
        self.answered: list[list[Message]] = []
        self._asked = [*asked, []]

    async def hold(self, *, most_rounds: int = 8) -> None:
        turn = self.on.live_turn("where is it")
        async with self.on.turns.scope(turn) as scope:
            await with_tools(
                self.on.context,
                scope,
                self._complete,
                say=self._say,
                most_rounds=most_rounds,
                provider="fake",
                answered=self._note,
            )

    async def _complete(self) -> tuple[list[ToolCall], bool]:
        return self._asked.pop(0), False

    async def _say(self, words: str) -> None:
        raise AssertionError(f"nothing takes long here, but {words!r} was to be said")

    async def _note(self, results: Sequence[Message]) -> None:
        self.answered.append(list(results))


def test_the_results_of_each_round_are_handed_on_before_the_next() -> None:
    async def main() -> None:
        talk = Talk([FIND], [FIND], tools=FakeTools(find="here"))
        await talk.hold()
        assert [[m.text for m in results] for results in talk.answered] == [["here"], ["here"]]

    run_on("simulated", main())


def test_calls_of_two_rounds_with_one_id_are_told_apart() -> None:
    async def main() -> None:
        talk = Talk([FIND], [FIND], tools=FakeTools(find="here"))
        await talk.hold()
        assert [results[0].tool_call_id for results in talk.answered] == ["c1", "c1-2"]

    run_on("simulated", main())


def test_the_turn_stage_hears_of_the_wait_and_of_its_end() -> None:
    async def main() -> None:
        talk = Talk([FIND], tools=FakeTools(find="here"))
        await talk.hold()
        waits = [report.on for report in talk.on.reports if isinstance(report, ToolWaiting)]
        assert waits == [("find",), ()]

    run_on("simulated", main())


def test_a_model_that_never_stops_asking_is_an_error() -> None:
    async def main() -> None:
        talk = Talk(*[[FIND]] * 4, tools=FakeTools(find="here"))
        with pytest.raises(ProviderError, match="asked for tools 3 times"):
            await talk.hold(most_rounds=3)

    run_on("simulated", main())
