"""The server in its own right, over a bare socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from voicepipe.testing.openai_server import OpenAIServer, Reply, Tool

BODY = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}


def _post(body: Any) -> bytes:
    data = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def _exchange(server: OpenAIServer, *requests: bytes) -> str:
    """All that the server sends for the requests on one connection, which is then closed by us."""

    async def main() -> str:
        async with server:
            port = int(server.base_url.rpartition(":")[2].partition("/")[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"".join(requests))
            writer.write_eof()
            async with asyncio.timeout(10):
                answer = await reader.read()
            writer.close()
            return answer.decode()

    return asyncio.run(main())


def _chunks(answer: str) -> list[dict[str, Any]]:
    data = [line.removeprefix("data: ") for line in answer.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in data if line != "[DONE]"]


def test_a_stream_is_sent_as_events_and_ends_with_done() -> None:
    answer = _exchange(OpenAIServer(Reply(text=["Hel", "lo"])), _post(BODY))
    assert answer.startswith("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
    deltas = [chunk["choices"][0]["delta"] for chunk in _chunks(answer)]
    assert deltas == [{"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo"}, {}]
    assert answer.endswith("data: [DONE]\n\n\r\n0\r\n\r\n")


def test_a_tool_call_opens_with_its_name_and_goes_on_with_its_arguments() -> None:
    server = OpenAIServer(Reply(tools=[Tool(name="weather", arguments=["{", "}"])]))
    chunks = _chunks(_exchange(server, _post(BODY)))
    fragments = [
        chunk["choices"][0]["delta"]["tool_calls"][0]
        for chunk in chunks
        if "tool_calls" in chunk["choices"][0]["delta"]
    ]
    assert fragments == [
        {"index": 0, "id": "call_0", "type": "function", "function": {"name": "weather", "arguments": ""}},
        {"index": 0, "function": {"arguments": "{"}},
        {"index": 0, "function": {"arguments": "}"}},
    ]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_usage_comes_last_without_choices_and_only_if_it_was_asked_for() -> None:
    asked = {**BODY, "stream_options": {"include_usage": True}}
    with_usage = _chunks(_exchange(OpenAIServer(Reply(text=["x"])), _post(asked)))
    assert (with_usage[-1]["choices"], with_usage[-1]["usage"]["total_tokens"]) == ([], 18)
    assert "usage" not in _chunks(_exchange(OpenAIServer(Reply(text=["x"])), _post(BODY)))[-1]


def test_requests_on_one_connection_are_answered_in_turn_and_recorded() -> None:
    server = OpenAIServer(Reply(text=["one"]), Reply(text=["two"]))
    answer = _exchange(server, _post(BODY), _post({**BODY, "model": "n"}))
    assert answer.index("one") < answer.index("two")
    assert [(request.json["model"], request.connection) for request in server.requests] == [
        ("m", 1),
        ("n", 1),
    ]


def test_when_no_reply_is_left_the_server_says_that_it_failed() -> None:
    assert _exchange(OpenAIServer(), _post(BODY)).startswith("HTTP/1.1 500")


def test_the_list_of_models_is_offered_or_not() -> None:
    request = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
    assert '"id": "m1"' in _exchange(OpenAIServer(models=["m1"]), request)
    assert _exchange(OpenAIServer(models=None), request).startswith("HTTP/1.1 404")


def test_a_wrong_key_is_refused() -> None:
    assert _exchange(OpenAIServer(Reply(), key="right"), _post(BODY)).startswith("HTTP/1.1 401")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stream": False}, "only streams"),
        ({"messages": []}, "at least one"),
        (
            {"messages": [{"role": "tool", "content": "x", "tool_call_id": "call_9"}]},
            "must answer a tool call",
        ),
        ({"messages": [{"role": "assistant", "content": None}]}, "null only beside tool_calls"),
    ],
)
def test_a_request_that_the_real_server_would_refuse_is_refused(change: dict[str, Any], words: str) -> None:
    answer = _exchange(OpenAIServer(Reply(text=["x"])), _post({**BODY, **change}))
    assert answer.startswith("HTTP/1.1 400")
    assert words in answer


def test_a_connection_is_dropped_in_the_middle_of_a_chunked_answer() -> None:
    answer = _exchange(OpenAIServer(Reply(text=["half"], fault="drop")), _post(BODY))
    assert "half" in answer
    assert not answer.endswith("0\r\n\r\n")
    assert "[DONE]" not in answer


def test_a_server_that_was_not_started_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="not been started"):
        _ = OpenAIServer().base_url
