"""The ``openai`` LLM against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.support.workers import make_call, make_host
from voicepipe.core.calls import Call
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.base import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.providers.openai import OpenAI, OpenAIConfig
from voicepipe.testing.openai_server import OpenAIServer, Reply, Tool

pytest.importorskip("openai", reason="needs the extra 'local'")

QUESTION = [Message(role="system", text="Be brief."), Message(role="user", text="What is the weather?")]
WEATHER = ToolOffer(
    name="weather",
    description="The weather in a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
SECRET = "sk-very-secret-0123456789"
T = TypeVar("T")


@asynccontextmanager
async def started(base_url: str, model: str = "test-model", **config: Any) -> Any:
    llm = OpenAI(OpenAIConfig(model=model, base_url=base_url, **config), make_host())
    try:
        await llm.start()
        yield llm
    finally:
        await llm.close()
        await llm.close()


async def gather_into(seen: list[Any], llm: OpenAI, call: Call) -> None:
    async for event in llm.generate(call, QUESTION, ()):
        seen.append(event)


async def answer(
    llm: OpenAI, call: Call | None = None, messages: list[Message] | None = None, *tools: ToolOffer
) -> list[TextDelta | ToolCall]:
    return [event async for event in llm.generate(call or make_call(), messages or QUESTION, tools)]


def _run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(main)


async def _one(reply: Reply, *tools: ToolOffer, call: Call | None = None, **config: Any) -> Any:
    """What comes of one reply, and the request that asked for it."""
    async with OpenAIServer(reply) as server, started(server.base_url, **config) as llm:
        events = await answer(llm, call, None, *tools)
        return events, server.completions[0]


def _failure(reply: Reply, call: Call | None = None, **config: Any) -> ProviderError:
    async def main() -> None:
        await _one(reply, call=call, **config)

    with pytest.raises(ProviderError) as caught:
        _run(main())
    return caught.value


# ── answers ──────────────────────────────────────────────────────────────────────────────────────


def test_text_is_passed_on_piece_by_piece() -> None:
    events, request = _run(_one(Reply(text=["It is ", "sunny", "."])))
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

    _run(main())


def test_the_arguments_of_a_tool_call_are_put_together() -> None:
    reply = Reply(
        text=["Let me look."], tools=[Tool(name="weather", arguments=['{"ci', 'ty": "Par', 'is"}'])]
    )
    events, request = _run(_one(reply, WEATHER))
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
    events, _ = _run(_one(reply, WEATHER))
    assert [(call.id, call.name, call.arguments) for call in events] == [
        ("call_0", "weather", '{"city": "Paris"}'),
        ("call_1", "weather", '{"city": "Rome"}'),
        ("call_2", "now", "{}"),
    ]


def test_arguments_that_are_not_json_are_handed_on_as_they_were_written() -> None:
    events, _ = _run(_one(Reply(tools=[Tool(name="weather", arguments=['{"city": Par'])]), WEATHER))
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

    assert _run(main()) == [
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
    events, _ = _run(_one(Reply(refusal="I can't help with that.")))
    assert events == [TextDelta(text="I can't help with that.")]


def test_options_are_sent_only_if_they_are_set() -> None:
    _, request = _run(_one(Reply(text=["x"]), max_tokens=180, temperature=0.2, reasoning_effort="low"))
    body = request.json
    assert (body["max_tokens"], body["temperature"], body["reasoning_effort"]) == (180, 0.2, "low")
    _, request = _run(_one(Reply(text=["x"])))
    assert set(request.json) == {"model", "messages", "stream", "stream_options"}


def test_chunks_of_an_odd_shape_are_passed_over() -> None:
    events, _ = _run(_one(Reply(text=["Still ", "here."], fault="odd")))
    assert events == [TextDelta(text="Still "), TextDelta(text="here.")]


def test_turns_share_one_connection_that_was_opened_before_the_first() -> None:
    async def main() -> list[int]:
        replies = [Reply(text=["one"]), Reply(text=["two"]), Reply(status=500)]
        async with OpenAIServer(*replies) as server, started(server.base_url) as llm:
            await answer(llm)
            await answer(llm)
            return [request.connection for request in server.requests]

    assert _run(main()) == [1, 1, 1]


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
        await _one(Reply(text=["x"], usage=usage), call=call)
        return call.usage

    assert _run(main()) == {
        ("tokens_in", False): 120,
        ("tokens_out", False): 9,
        ("tokens_in_cached", False): 100,
    }


def test_usage_that_is_not_reported_is_estimated_from_characters() -> None:
    async def main() -> dict[Any, int]:
        call = make_call()
        await _one(Reply(text=["abcdefgh"], usage=None), call=call)
        return call.usage

    usage = _run(main())
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

    _run(main())


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

    _run(main())


# ── failures during a call ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "code", "kind", "retryable"),
    [
        (400, None, "bad_request", False),
        (401, "invalid_api_key", "authentication", False),
        (403, None, "authentication", False),
        (404, "model_not_found", "bad_request", False),
        (408, None, "timeout", True),
        (429, "rate_limit_exceeded", "rate_limit", True),
        (429, "insufficient_quota", "rate_limit", False),
        (500, None, "internal", True),
        (503, None, "internal", True),
    ],
)
def test_a_refused_request_is_classed_by_its_status(
    status: int, code: str | None, kind: str, retryable: bool
) -> None:
    error = _failure(Reply(status=status, error={"message": "so it is", "type": "x", "code": code}))
    assert (error.kind, error.retryable, error.status) == (kind, retryable, status)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("drop", "connection"),
        ("no_finish", "connection"),
        ("malformed", "bad_answer"),
        ("error_event", "bad_answer"),
    ],
)
def test_an_answer_that_breaks_off_is_an_error_after_the_text_that_came(fault: Any, kind: str) -> None:
    async def main() -> tuple[list[Any], ProviderError, dict[Any, int]]:
        call = make_call()
        seen: list[Any] = []
        reply = Reply(text=["Half an "], fault=fault)
        async with OpenAIServer(reply) as server, started(server.base_url) as llm:
            with pytest.raises(ProviderError) as caught:
                await gather_into(seen, llm, call)
        return seen, caught.value, call.usage

    seen, error, usage = _run(main())
    assert seen == [TextDelta(text="Half an ")]
    assert (error.kind, error.retryable, error.provider) == (kind, True, "openai")
    assert usage["tokens_out", True] == 2


def test_a_server_that_falls_silent_is_a_timeout_in_the_end() -> None:
    error = _failure(Reply(text=["Half"], fault="stall"), read_timeout="50ms")
    assert (error.kind, error.retryable) == ("timeout", True)
    error = _failure(Reply(silent=True), read_timeout="50ms")
    assert error.kind == "timeout"


def test_a_server_that_has_gone_away_is_a_connection_error_and_costs_nothing() -> None:
    async def main() -> None:
        call = make_call()
        async with OpenAIServer() as server:
            llm = OpenAI(OpenAIConfig(model="test-model", base_url=server.base_url), make_host())
            await llm.start()
        try:
            with pytest.raises(ProviderError) as caught:
                await answer(llm, call)
            assert (caught.value.kind, caught.value.retryable) == ("connection", True)
            assert call.usage == {}
        finally:
            await llm.close()

    _run(main())


def test_a_request_is_not_repeated_behind_the_back_of_the_wrapper() -> None:
    async def main() -> int:
        async with OpenAIServer(Reply(status=500), Reply(text=["x"])) as server:
            async with started(server.base_url) as llm:
                with pytest.raises(ProviderError):
                    await answer(llm)
            return len(server.completions)

    assert _run(main()) == 1


def test_a_tool_call_without_a_name_is_a_bad_answer() -> None:
    assert _failure(Reply(tools=[Tool(name="")])).kind == "bad_answer"


def test_an_answer_withheld_by_a_filter_is_not_silence() -> None:
    assert "content filter" in _failure(Reply(finish="content_filter")).message


def test_an_answer_without_end_is_cut_off() -> None:
    error = _failure(Reply(text=["x" * 100_000] * 6))
    assert error.kind == "bad_answer"
    assert "longer than" in error.message


def test_use_before_start_is_a_provider_error() -> None:
    async def main() -> None:
        await answer(OpenAI(OpenAIConfig(model="m", base_url="http://localhost:1/v1"), make_host()))

    with pytest.raises(ProviderError, match="before start"):
        _run(main())


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_written_key_is_sent_and_never_shown() -> None:
    async def main() -> list[str]:
        wrong = {"message": f"Incorrect key {SECRET}", "type": "x", "code": "invalid_api_key"}
        replies = [Reply(status=status, error=wrong) for status in (400, 401, 429, 500)]
        shown = []
        async with OpenAIServer(*replies, key=SECRET) as server:
            async with started(server.base_url, api_key=SECRET) as llm:
                for _ in range(4):
                    with pytest.raises(ProviderError) as caught:
                        await answer(llm)
                    shown += [str(caught.value), repr(caught.value.__cause__), repr(llm.config)]
            assert all(r.headers["authorization"] == f"Bearer {SECRET}" for r in server.requests)
        return shown

    assert not [text for text in _run(main()) if SECRET in text]


_WITH_ENVIRONMENT = """
import asyncio, json
from tests.providers.test_openai import Reply, _one
events, request = asyncio.run(_one(Reply(text=["x"])))
print(json.dumps(request.headers))
"""


def test_what_the_environment_holds_for_openai_does_not_reach_another_server() -> None:
    private = {
        "OPENAI_API_KEY": SECRET,
        "OPENAI_ADMIN_KEY": SECRET,
        "OPENAI_ORG_ID": "org-private",
        "OPENAI_PROJECT_ID": "proj-private",
        "OPENAI_CUSTOM_HEADERS": "X-Private: yes\nAuthorization: Bearer private",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    done = subprocess.run(
        [sys.executable, "-c", _WITH_ENVIRONMENT],
        env={"PATH": os.environ["PATH"], **private},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    headers = json.loads(done.stdout)
    assert "authorization" not in headers
    assert "private" not in done.stdout
    assert SECRET not in done.stdout


# ── before the call ──────────────────────────────────────────────────────────────────────────────


def _setup_failure(
    base_url: str | None = None, server: OpenAIServer | None = None, **config: Any
) -> SetupError:
    async def main() -> None:
        if server is None:
            assert base_url is not None
            async with started(base_url, **config):
                return
        async with server, started(server.base_url, **config):
            return

    with pytest.raises(SetupError) as caught:
        _run(main())
    return caught.value


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_server_that_is_not_there_is_found_out_before_the_call() -> None:
    url = f"http://127.0.0.1:{_closed_port()}/v1"
    error = _setup_failure(url)
    assert error.message == f"nothing answers at {url}"
    assert error.hint is not None
    assert "start the server" in error.hint


def test_a_model_that_the_server_does_not_have_is_found_out_before_the_call() -> None:
    error = _setup_failure(
        server=OpenAIServer(models=["llama3.2:latest", "qwen3:4b"]), model="lama3.2:latest"
    )
    assert "has no model 'lama3.2:latest'. Did you mean 'llama3.2:latest'?" in error.message
    assert error.hint == "it has llama3.2:latest, qwen3:4b"


@pytest.mark.parametrize(
    "server",
    [
        OpenAIServer(Reply(text=["x"]), models=None),
        OpenAIServer(Reply(text=["x"]), models=[]),
        OpenAIServer(Reply(text=["x"]), models=["llama3.2:latest"]),
        OpenAIServer(Reply(text=["x"]), models=["/models/some.gguf"], owned_by="llamacpp"),
    ],
    ids=["no list", "empty list", "a tag that may be left out", "llama.cpp answers to any name"],
)
def test_a_server_that_may_well_have_the_model_is_accepted(server: OpenAIServer) -> None:
    async def main() -> list[Any]:
        async with server, started(server.base_url, model="llama3.2") as llm:
            return await answer(llm)

    assert _run(main()) == [TextDelta(text="x")]


def test_a_refused_key_is_found_out_before_the_call() -> None:
    error = _setup_failure(server=OpenAIServer(key="right"), api_key=SECRET)
    assert "refused the key" in error.message
    assert SECRET not in str(error)
    assert "wants a key" in _setup_failure(server=OpenAIServer(key="right")).message


def test_another_endpoint_than_openais_is_said_aloud() -> None:
    said: list[str] = []

    async def main() -> None:
        async with OpenAIServer() as server:
            host = make_host(progress=said.append)
            llm = OpenAI(OpenAIConfig(model="test-model", base_url=server.base_url), host)
            await llm.start()
            await llm.close()
            assert said == [f"llm openai: test-model at {server.base_url}"]

    _run(main())
