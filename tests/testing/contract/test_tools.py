"""Language models that are wrong about tools, and what the suite says to that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.support.contract_fakes import ASKED, GoodLlm, examine
from voicepipe.core.calls import Call
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.testing.contract import Broken, Unsupplied


def calling(*calls: ToolCall, then: str = "I see.") -> type[GoodLlm]:
    class Calling(GoodLlm):
        async def generate(
            self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
        ) -> AsyncIterator[TextDelta | ToolCall]:
            if messages[-1] == ASKED[-1]:
                for each in calls:
                    yield each
            else:
                yield TextDelta(text=then)

    return Calling


def looked_up(arguments: str = "{}", *, call_id: str = "1", name: str = "look_up") -> ToolCall:
    return ToolCall(id=call_id, name=name, arguments=arguments)


@pytest.mark.parametrize(
    ("calls", "found"),
    [
        ((), "no tool call for the question"),
        ((looked_up('{"what": "i'),), r"the arguments '\{\"what\": \"i'"),
        ((looked_up("[]"),), r"the arguments '\[\]'"),
        ((looked_up(""),), "the arguments ''"),
        ((looked_up(name="invented"),), r"the tool 'invented', offered were \['look_up'\]"),
        ((looked_up(call_id=""),), r"the ids \[''\]"),
        ((looked_up(), looked_up()), r"the ids \['1', '1'\]"),
    ],
)
def test_tool_calls_that_are_not_whole(calls: Any, found: str) -> None:
    with pytest.raises(Broken, match=found):
        examine("tool_calls_come_whole", calling(*calls))


def test_a_result_that_is_not_answered() -> None:
    with pytest.raises(Broken, match="no text after the tool's result"):
        examine("a_tools_result_is_answered", calling(looked_up(), then=" "))


def test_a_result_goes_back_beside_the_call_that_it_answers() -> None:
    asked: list[Sequence[Message]] = []

    class Listening(calling(looked_up())):  # type: ignore[misc]  # a class, made just before
        async def generate(self, call: Call, messages: Sequence[Message], tools: Any) -> AsyncIterator[Any]:
            asked.append(messages)
            async for event in super().generate(call, messages, tools):
                yield event

    examine("a_tools_result_is_answered", Listening, tool_result='{"found": 1}')
    *_, called, result = asked[-1]
    assert called.tool_calls == (looked_up(),)
    assert result == Message(role="tool", text='{"found": 1}', tool_call_id="1")


def test_without_a_question_for_tools_there_is_nothing_to_examine() -> None:
    with pytest.raises(Unsupplied, match="tool_question"):
        examine("tool_calls_come_whole", GoodLlm, tool_question=None)
