"""The ``anthropic`` LLM against a real HTTP server on loopback: answers, rounds of tools, and their cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.support.anthropic_llm import answer, reply_to, started
from tests.support.openai_llm import QUESTION, WEATHER
from tests.support.workers import make_call, make_host
from voicepipe.core.calls import Call
from voicepipe.providers.anthropic import ANTHROPIC, Anthropic, AnthropicConfig
from voicepipe.providers.base import Message, TextDelta, ToolCall
from voicepipe.testing.anthropic_server import AnthropicServer, Reply, Thought, Tool, Usage

pytest.importorskip("anthropic", reason="needs the extra 'anthropic'")


# ── answers ──────────────────────────────────────────────────────────────────────────────────────


def test_text_is_passed_on_piece_by_piece_and_the_prompt_stands_apart() -> None:
    events, body = asyncio.run(reply_to(Reply(text=["It is ", "sunny", "."])))
    assert events == [TextDelta(text="It is "), TextDelta(text="sunny"), TextDelta(text=".")]
    assert body == {
        "model": "test-model",
        "max_tokens": 4096,
        "stream": True,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "What is the weather?"}]}],
        "cache_control": {"type": "ephemeral"},
    }


def test_the_first_piece_arrives_while_the_server_still_writes() -> None:
    async def main() -> None:
        reply = Reply(text=["It is"], fault="stall")
        async with AnthropicServer(reply) as server, started(server.base_url) as llm:
            events: Any = llm.generate(make_call(), QUESTION, ())
            assert await anext(events) == TextDelta(text="It is")
            await events.aclose()
            async with asyncio.timeout(10):
                await server.messages[0].hung_up.wait()

    asyncio.run(main())


def test_tool_calls_come_after_the_text_in_the_models_order() -> None:
    reply = Reply(
        text=["Let me look."],
        tools=[
            Tool(name="weather", input=['{"ci', 'ty": "Par', 'is"}']),
            Tool(name="weather", input=['{"city": "Rome"}']),
            Tool(name="now", input=[]),
        ],
    )
    events, body = asyncio.run(reply_to(reply, WEATHER))
    assert events == [
        TextDelta(text="Let me look."),
        ToolCall(id="toolu_0", name="weather", arguments='{"city": "Paris"}'),
        ToolCall(id="toolu_1", name="weather", arguments='{"city": "Rome"}'),
        ToolCall(id="toolu_2", name="now", arguments="{}"),
    ]
    assert body["tools"] == [
        {
            "name": "weather",
            "description": "The weather in a city.",
            "input_schema": WEATHER.parameters,
        }
    ]


def test_a_call_is_passed_on_as_soon_as_it_is_complete() -> None:
    async def main() -> None:
        reply = Reply(tools=[Tool(name="weather")], fault="stall")
        async with AnthropicServer(reply) as server, started(server.base_url) as llm:
            events: Any = llm.generate(make_call(), QUESTION, (WEATHER,))
            assert await anext(events) == ToolCall(id="toolu_0", name="weather", arguments="{}")
            await events.aclose()

    asyncio.run(main())


def test_options_are_sent_only_if_they_are_set() -> None:
    _, body = asyncio.run(
        reply_to(Reply(text=["x"]), max_tokens=180, effort="low", thinking="disabled", cache=False)
    )
    assert (body["max_tokens"], body["output_config"], body["thinking"]) == (
        180,
        {"effort": "low"},
        {"type": "disabled"},
    )
    assert "cache_control" not in body


def test_events_and_deltas_of_an_odd_shape_are_passed_over() -> None:
    events, _ = asyncio.run(reply_to(Reply(text=["Still ", "here."], fault="odd")))
    assert events == [TextDelta(text="Still "), TextDelta(text="here.")]


def test_what_the_model_thinks_is_not_spoken() -> None:
    events, _ = asyncio.run(reply_to(Reply(thought=Thought(text=["Hm, ", "sun?"]), text=["Sunny."])))
    assert events == [TextDelta(text="Sunny.")]


@pytest.mark.parametrize("prompt", [[], [Message(role="system", text="Be brief.")]])
def test_a_conversation_in_which_nobody_has_spoken_is_answered(prompt: list[Message]) -> None:
    async def main() -> Any:
        async with AnthropicServer(Reply(text=["Hello?"])) as server, started(server.base_url) as llm:
            return [event async for event in llm.generate(make_call(), prompt, ())]

    assert asyncio.run(main()) == [TextDelta(text="Hello?")]


def test_a_very_long_conversation_is_sent_whole() -> None:
    words = "over and over again " * 50_000
    events, body = asyncio.run(reply_to(Reply(text=["Yes."]), messages=[Message(role="user", text=words)]))
    assert events == [TextDelta(text="Yes.")]
    assert body["messages"][0]["content"][0]["text"] == words


def test_turns_share_one_connection_that_was_opened_before_the_first() -> None:
    async def main() -> list[int]:
        replies = [Reply(text=["one"]), Reply(text=["two"])]
        async with AnthropicServer(*replies) as server, started(server.base_url) as llm:
            await answer(llm)
            await answer(llm)
            return [request.connection for request in server.requests]

    assert asyncio.run(main()) == [1, 1, 1]


def test_two_sessions_at_once_do_not_mix() -> None:
    async def main() -> Any:
        replies = [Reply(text=[f"{n} ", f"{n}"]) for n in range(2)]
        async with AnthropicServer(*replies) as server, started(server.base_url) as llm:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(answer(llm)) for _ in range(2)]
            return {"".join(event.text for event in task.result()) for task in tasks}

    assert asyncio.run(main()) == {"0 0", "1 1"}


# ── rounds of tools ──────────────────────────────────────────────────────────────────────────────


def _round(events: list[Any], *results: str) -> list[Message]:
    """The messages that an answer and the results of its tools leave behind."""
    calls = tuple(event for event in events if isinstance(event, ToolCall))
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    return [
        Message(role="assistant", text=text, tool_calls=calls),
        *(
            Message(role="tool", text=result, tool_call_id=call.id)
            for call, result in zip(calls, results, strict=True)
        ),
    ]


def _through(replies: list[Reply], results: list[list[str]]) -> list[Any]:
    """The bodies of the requests of a reply with ``results`` after each of its rounds."""

    async def main() -> list[Any]:
        messages = list(QUESTION)
        async with AnthropicServer(*replies) as server, started(server.base_url) as llm:
            for given in results:
                events = await answer(llm, None, messages, WEATHER)
                messages += _round(events, *given)
            await answer(llm, None, messages, WEATHER)
            return [request.json for request in server.messages]

    return asyncio.run(main())


def test_tools_are_called_over_several_rounds() -> None:
    replies = [
        Reply(text=["Two."], tools=[Tool(name="weather", id="a"), Tool(name="weather", id="b")]),
        Reply(tools=[Tool(name="weather", id="c", input=['{"city": 1}'])]),
        Reply(text=["All sunny."]),
    ]
    bodies = _through(replies, [["sun", "rain"], [""]])
    assert [message["role"] for message in bodies[2]["messages"]] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert bodies[2]["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Two."},
                {"type": "tool_use", "id": "a", "name": "weather", "input": {}},
                {"type": "tool_use", "id": "b", "name": "weather", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "sun"},
                {"type": "tool_result", "tool_use_id": "b", "content": "rain"},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c", "name": "weather", "input": {"city": 1}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c", "content": "(nothing)"}],
        },
    ]


@pytest.mark.parametrize("redacted", [False, True])
def test_thoughts_come_back_with_the_results_of_the_tools(redacted: bool) -> None:
    """The server refuses the request otherwise, as the real one does."""
    replies = [
        Reply(
            thought=Thought(text=["Hm. ", "Look."], signature="s1", redacted=redacted),
            text=["Wait."],
            tools=[Tool(name="weather", id="a")],
        ),
        Reply(thought=Thought(signature="s2", redacted=redacted), tools=[Tool(name="weather", id="b")]),
        Reply(text=["Sunny."]),
    ]
    bodies = _through(replies, [["sun"], ["rain"]])
    first, second = (bodies[2]["messages"][index]["content"][0] for index in (1, 3))
    if redacted:
        assert first == {"type": "redacted_thinking", "data": "s1"}
        assert second == {"type": "redacted_thinking", "data": "s2"}
    else:
        assert first == {"type": "thinking", "thinking": "Hm. Look.", "signature": "s1"}
        assert second == {"type": "thinking", "thinking": "", "signature": "s2"}


def test_what_is_sent_is_what_the_client_declares() -> None:
    """Against the types of the package, which are made from the vendor's own description of its API."""
    from anthropic.types import message_create_params  # noqa: PLC0415 - only where it is installed

    adapter = TypeAdapter(message_create_params.MessageCreateParamsStreaming)
    replies = [
        Reply(thought=Thought(text=["Hm."]), text=["Wait."], tools=[Tool(name="weather", input=["[1"])]),
        Reply(text=["Sunny."]),
    ]
    for body in _through(replies, [["sun"]]):
        adapter.validate_python(body, strict=False)
    with pytest.raises(ValidationError):
        adapter.validate_python({"model": "m", "messages": [], "stream": True})


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_read_from_and_written_to_the_cache_is_input_as_well() -> None:
    async def main() -> dict[Any, int]:
        call = make_call()
        await reply_to(Reply(text=["x"], usage=Usage(input=20, read=900, written=80, output=9)), call=call)
        return call.usage

    assert asyncio.run(main()) == {
        ("tokens_in", False): 1000,
        ("tokens_in_cached", False): 900,
        ("tokens_in_written", False): 80,
        ("tokens_out", False): 9,
    }


def test_an_answer_that_is_cancelled_closes_its_connection_and_its_output_is_estimated() -> None:
    async def main() -> dict[Any, int]:
        reply = Reply(text=["Once upon ", "a time"], fault="stall")
        async with AnthropicServer(reply) as server, started(server.base_url) as llm:
            call = make_call()
            begun = asyncio.Event()

            async def listen() -> None:
                async for _ in llm.generate(call, QUESTION, ()):
                    begun.set()

            await _cancelled(listen, begun.wait)
            async with asyncio.timeout(10):
                await server.messages[0].hung_up.wait()
            return call.usage

    usage = asyncio.run(main())
    assert usage["tokens_in", False] == 11
    assert usage["tokens_out", True] >= 3
    assert ("tokens_out", False) not in usage


def test_a_request_that_is_cancelled_before_its_answer_is_billed_for_what_was_sent() -> None:
    async def main() -> dict[Any, int]:
        async with AnthropicServer(Reply(silent=True)) as server, started(server.base_url) as llm:
            call = make_call()

            async def arrived() -> None:
                async with asyncio.timeout(10):
                    while not server.messages:  # noqa: ASYNC110 - within a few turns of the loop
                        await asyncio.sleep(0)

            await _cancelled(lambda: answer(llm, call), arrived)
            async with asyncio.timeout(10):
                await server.messages[0].hung_up.wait()
            return call.usage

    usage = asyncio.run(main())
    assert usage["tokens_in", True] > 0
    assert usage["tokens_out", True] == 0


async def _cancelled(run: Callable[[], Any], until: Callable[[], Awaitable[Any]]) -> None:
    task = asyncio.ensure_future(run())
    await until()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# ── where the key goes ───────────────────────────────────────────────────────────────────────────


def test_the_environments_key_goes_to_anthropics_own_host_only() -> None:
    env = {"ANTHROPIC_API_KEY": "secret", "OPENAI_API_KEY": "other"}
    assert AnthropicConfig(model="m").find_key(env) == "secret"
    assert AnthropicConfig(model="m", base_url="http://localhost:1").find_key(env) is None
    with pytest.raises(ValidationError, match="ANTHROPIC_API_KEY goes to Anthropic's own hosts only"):
        AnthropicConfig(model="m", base_url="https://gateway.example")
    assert not ANTHROPIC.is_own("https://api.anthropic.com.evil.example")


def test_doctor_is_told_which_key_is_missing() -> None:
    (problem,) = Anthropic(AnthropicConfig(model="m"), make_host(env={})).check()
    assert "llm 'anthropic' needs a key, and the environment has no ANTHROPIC_API_KEY" in problem


def test_usage_stays_on_its_own_call() -> None:
    async def main() -> tuple[Call, Call]:
        replies = [Reply(text=["a"], usage=Usage(output=1)), Reply(text=["b"], usage=Usage(output=2))]
        async with AnthropicServer(*replies) as server, started(server.base_url) as llm:
            calls = make_call(), make_call()
            for call in calls:
                await answer(llm, call)
            return calls

    assert [call.usage["tokens_out", False] for call in asyncio.run(main())] == [1, 2]
