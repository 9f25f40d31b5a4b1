"""What a language model promises about tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.testing.contract.bench import Bench, Started
from voicepipe.testing.contract.calls import read
from voicepipe.testing.contract.promise import expect, promise
from voicepipe.testing.contract.subject import Unsupplied

NO_TOOL_QUESTION = (
    "nothing here makes the model call a tool: name a subclass of voicepipe.testing.contract.Subject "
    "with `tools` and a `tool_question`, in place of the provider"
)


def check_calls(calls: Sequence[ToolCall], offered: Sequence[ToolOffer]) -> None:
    """Raise ``Broken`` unless each can be run, and its result be told from the others'."""
    names = {tool.name for tool in offered}
    for call in calls:
        expect(call.name in names, f"the tool '{call.name}', offered were {sorted(names)}")
        expect(isinstance(_parsed(call.arguments), dict), f"the arguments {call.arguments!r}")
    ids = [call.id for call in calls]
    expect(all(ids) and len(set(ids)) == len(ids), f"the ids {ids}")


@promise("llm")
async def tool_calls_come_whole(bench: Bench) -> None:
    """A tool call comes when its arguments are complete: a JSON object, an id of its own, a tool offered."""
    async with bench.started() as started:
        check_calls(await _called(started), bench.subject.tools)


@promise("llm")
async def a_tools_result_is_answered(bench: Bench) -> None:
    """The results of tools can be given back, and the answer goes on with text."""
    async with bench.started() as started:
        calls = tuple(await _called(started))
        question = bench.subject.tool_question or ()
        results = [
            Message(role="tool", text=bench.subject.tool_result, tool_call_id=call.id) for call in calls
        ]
        called = Message(role="assistant", text="", tool_calls=calls)
        events = await _ask(started, (*question, called, *results))
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        expect(bool(text.strip()), f"no text after the tool's result, but {events!r}")


async def _called(started: Started) -> list[ToolCall]:
    question = started.subject.tool_question
    if question is None:
        raise Unsupplied(NO_TOOL_QUESTION)
    calls = [event for event in await _ask(started, question) if isinstance(event, ToolCall)]
    expect(bool(calls), "no tool call for the question that is to make the model call one")
    return calls


async def _ask(started: Started, messages: Any) -> list[Any]:
    return await read(started.provider.generate(started.call(), messages, started.subject.tools))


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except (TypeError, ValueError):
        return None  # no JSON, and so no object either
