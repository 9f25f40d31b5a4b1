"""The ``openai`` LLM against a real HTTP server on loopback: answers and what they cost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.openai_llm import (
    QUESTION,
    WEATHER,
    answer,
    reply_to,
    started,
)
from tests.support.workers import make_call
from voicepipe.providers.base import Message, TextDelta, ToolCall
from voicepipe.testing.openai_server import OpenAIServer, Reply, Tool

pytest.importorskip("openai", reason="needs the extra 'local'")


# ── answers ──────────────────────────────────────────────────────────────────────────────────────


def test_text_is_passed_on_piece_by_piece() -> None:
    events, request = asyncio.run(reply_to(Reply(text=["It is ", "sunny", "."])))
    assert events == [TextDelta(text="It is "), TextDelta(text="sunny"), TextDelta(text=".")]
    assert request.json["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is the weather?"},
    ]
    assert request.json["stream_options"] == {"include_usage": True}
    assert "tools" not in request.json


def test_the_first_piece_arrives_while_the_server_still_writes() -> None:
    async def main() -> None:
        reply = Reply(text=["It is"], fault="stall")
        async with OpenAIServer(reply) as server, started(server.base_url) as llm:
            events = llm.generate(make_call(), QUESTION, ())
            assert await anext(events) == TextDelta(text="It is")
            await events.aclose()

    asyncio.run(main())


def test_the_arguments_of_a_tool_call_are_put_together() -> None:
    reply = Reply(
        text=["Let me look."], tools=[Tool(name="weather", arguments=['{"ci', 'ty": "Par', 'is"}'])]
    )
    events, request = asyncio.run(reply_to(reply, WEATHER))
    assert events == [
        TextDelta(text="Let me look."),
        ToolCall(id="call_0", name="weather", arguments='{"city": "Paris"}'),
    ]
    assert request.json["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "The weather in a city.",
                "parameters": WEATHER.parameters,
            },
        }
    ]


def test_parallel_tool_calls_come_in_the_models_order() -> None:
    reply = Reply(
        tools=[
            Tool(name="weather", arguments=['{"city":', ' "Paris"}']),
            Tool(name="weather", arguments=['{"city": "Rome"}']),
            Tool(name="now", arguments=[]),
        ]
    )
    events, _ = asyncio.run(reply_to(reply, WEATHER))
    assert [(call.id, call.name, call.arguments) for call in events] == [
        ("call_0", "weather", '{"city": "Paris"}'),
        ("call_1", "weather", '{"city": "Rome"}'),
        ("call_2", "now", "{}"),
    ]


def test_arguments_that_are_not_json_are_handed_on_as_they_were_written() -> None:
    events, _ = asyncio.run(
        reply_to(Reply(tools=[Tool(name="weather", arguments=['{"city": Par'])]), WEATHER)
    )
    assert events[0].arguments == '{"city": Par'


def test_a_conversation_with_tool_results_is_accepted_by_the_server() -> None:
    async def main() -> Any:
        messages = [
            *QUESTION,
            Message(
                role="assistant",
                text="",
                tool_calls=(ToolCall(id="call_7", name="weather", arguments='{"city": "Paris"}'),),
            ),
            Message(role="tool", text='"sunny"', tool_call_id="call_7"),
        ]
        async with OpenAIServer(Reply(text=["Sunny."])) as server, started(server.base_url) as llm:
            assert await answer(llm, None, messages) == [TextDelta(text="Sunny.")]
            return server.completions[0].json["messages"][2:]

    assert asyncio.run(main()) == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_7",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
                }
            ],
        },
        {"role": "tool", "content": '"sunny"', "tool_call_id": "call_7"},
    ]


def test_a_refusal_of_the_model_is_spoken() -> None:
    events, _ = asyncio.run(reply_to(Reply(refusal="I can't help with that.")))
    assert events == [TextDelta(text="I can't help with that.")]


def test_options_are_sent_only_if_they_are_set() -> None:
    _, request = asyncio.run(
        reply_to(Reply(text=["x"]), max_tokens=180, temperature=0.2, reasoning_effort="low")
    )
    body = request.json
    assert (body["max_tokens"], body["temperature"], body["reasoning_effort"]) == (180, 0.2, "low")
    _, request = asyncio.run(reply_to(Reply(text=["x"])))
    assert set(request.json) == {"model", "messages", "stream", "stream_options"}


def test_chunks_of_an_odd_shape_are_passed_over() -> None:
    events, _ = asyncio.run(reply_to(Reply(text=["Still ", "here."], fault="odd")))
    assert events == [TextDelta(text="Still "), TextDelta(text="here.")]


def test_turns_share_one_connection_that_was_opened_before_the_first() -> None:
    async def main() -> list[int]:
        replies = [Reply(text=["one"]), Reply(text=["two"]), Reply(status=500)]
        async with OpenAIServer(*replies) as server, started(server.base_url) as llm:
            await answer(llm)
            await answer(llm)
            return [request.connection for request in server.requests]

    assert asyncio.run(main()) == [1, 1, 1]


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


def test_reported_usage_is_counted_with_its_cached_part() -> None:
    async def main() -> dict[Any, int]:
        call = make_call()
        usage = {
            "prompt_tokens": 120,
            "completion_tokens": 9,
            "total_tokens": 129,
            "prompt_tokens_details": {"cached_tokens": 100},
        }
        await reply_to(Reply(text=["x"], usage=usage), call=call)
        return call.usage

    assert asyncio.run(main()) == {
        ("tokens_in", False): 120,
        ("tokens_out", False): 9,
        ("tokens_in_cached", False): 100,
    }


def test_usage_that_is_not_reported_is_estimated_from_characters() -> None:
    async def main() -> dict[Any, int]:
        call = make_call()
        await reply_to(Reply(text=["abcdefgh"], usage=None), call=call)
        return call.usage

    usage = asyncio.run(main())
    assert usage["tokens_out", True] == 2
    assert 20 <= usage["tokens_in", True] <= 40


def test_an_answer_that_is_cancelled_closes_its_connection_and_is_estimated() -> None:
    async def main() -> None:
        reply = Reply(text=["Once upon ", "a time"], fault="stall")
        async with OpenAIServer(reply) as server, started(server.base_url) as llm:
            call = make_call()
            begun = asyncio.Event()

            async def listen() -> None:
                async for _ in llm.generate(call, QUESTION, ()):
                    begun.set()

            task = asyncio.ensure_future(listen())
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with asyncio.timeout(10):
                await server.completions[0].hung_up.wait()
            assert call.usage["tokens_out", True] >= 3
            assert call.usage["tokens_in", True] > 0

    asyncio.run(main())


def test_a_request_that_is_cancelled_before_its_answer_is_billed_for_what_was_sent() -> None:
    async def main() -> None:
        async with OpenAIServer(Reply(silent=True)) as server, started(server.base_url) as llm:
            call = make_call()
            task = asyncio.ensure_future(answer(llm, call))
            async with asyncio.timeout(10):
                while not server.completions:  # noqa: ASYNC110 - it arrives within a few turns of the loop
                    await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with asyncio.timeout(10):
                await server.completions[0].hung_up.wait()
            assert call.usage["tokens_in", True] > 0
            assert call.usage["tokens_out", True] == 0

    asyncio.run(main())
