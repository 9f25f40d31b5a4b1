"""What a connection to a fused model promises besides what every request does."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from voicepipe.core.messages import Message, ToolCall
from voicepipe.errors import ProviderError
from voicepipe.testing.contract.bench import Bench, Started
from voicepipe.testing.contract.calls import read
from voicepipe.testing.contract.conversing import Line, check_reply
from voicepipe.testing.contract.promise import Broken, expect, promise
from voicepipe.testing.contract.subject import Unsupplied
from voicepipe.testing.contract.tools import NO_TOOL_QUESTION, check_calls


def _question(started: Started, which: int = 0) -> Message:
    return started.subject.questions[which][-1]


@promise("realtime")
async def a_reply_that_is_left_does_not_end_the_connection(bench: Bench) -> None:
    """Closing ``respond`` early cancels that reply, and the connection can be used on."""
    async with bench.started() as started, Line(started, started.call()) as connection:
        await connection.add(_question(started))
        reply: Any = connection.respond(started.call())
        expect(await anext(reply, None) is not None, "a reply without any event")
        await reply.aclose()
        await connection.add(_question(started, 1))
        check_reply(await read(connection.respond(started.call())), speaks=True)


@promise("realtime")
async def a_reply_may_be_text_only(bench: Bench) -> None:
    """With ``RealtimeSetup(speaks=False)`` replies are words, without audio."""
    async with bench.started() as started, Line(started, started.call(), speaks=False) as connection:
        await connection.add(_question(started))
        check_reply(await read(connection.respond(started.call())), speaks=False)


@promise("realtime")
async def words_can_be_read_out(bench: Bench) -> None:
    """``respond(say=…, remember=False)`` is a reply of its own, beside the conversation."""
    async with bench.started() as started, Line(started, started.call()) as connection:
        said = await read(connection.respond(started.call(), say="Just a moment.", remember=False))
        check_reply(said, speaks=True)


@promise("realtime")
async def a_tool_is_called_and_its_result_is_answered(bench: Bench) -> None:
    """A tool call comes whole, a JSON object for a tool that was offered; its result goes back by ``add``."""
    question = bench.subject.tool_question
    if question is None:
        raise Unsupplied(NO_TOOL_QUESTION)
    async with bench.started() as started, Line(started, started.call()) as connection:
        await connection.add(question[-1])
        events = await read(connection.respond(started.call()))
        calls = [event for event in events if isinstance(event, ToolCall)]
        expect(bool(calls), "no tool call for the question that is to make the model call one")
        check_calls(calls, bench.subject.tools)
        for call in calls:
            result = Message(role="tool", text=bench.subject.tool_result, tool_call_id=call.id)
            await connection.add(result)
        check_reply(await read(connection.respond(started.call())), speaks=True)


@promise("realtime", needs="dropped")
async def events_tell_that_the_connection_was_lost(bench: Bench) -> None:
    """``events()`` raises a ProviderError of kind 'connection' when the connection is lost."""
    async with bench.started("dropped") as started:
        line = Line(started, started.call())
        try:
            async with line as connection:
                await connection.add(_question(started))
                async with aclosing(connection.respond(started.call())) as reply:
                    async for _ in reply:
                        pass  # until it fails
        except ProviderError as error:
            lost = line.lost
            if not isinstance(lost, ProviderError):
                raise Broken(f"{lost!r} from events(), and {error!r} from the reply") from None
            expect(lost.kind == "connection", f"a ProviderError of kind '{lost.kind}': {lost}")
            return
        raise Broken("no error, as if all had gone well")
