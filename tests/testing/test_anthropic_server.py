"""The server in its own right, over a bare socket, and against the types of the vendor's own package."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from voicepipe.testing.anthropic_server import (
    AnthropicServer,
    Fault,
    Reply,
    Thought,
    Tool,
    Usage,
    problem_of,
)

ASKED = [{"role": "user", "content": "hi"}]
BODY = {"model": "m", "max_tokens": 9, "stream": True, "messages": ASKED}


def _post(body: Any, **headers: str) -> bytes:
    data = json.dumps(body).encode()
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = ["POST /v1/messages HTTP/1.1", "anthropic-version: 2026-10-21", f"Content-Length: {len(data)}"]
    return "\r\n".join([*head, *lines]).encode() + b"\r\n\r\n" + data


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nanthropic-version: 2026-10-21\r\n\r\n".encode()


def _exchange(server: AnthropicServer, *requests: bytes) -> str:
    """All that the server sends for the requests on one connection, which is then closed by us."""

    async def main() -> str:
        async with server:
            port = int(server.base_url.rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"".join(requests))
            writer.write_eof()
            async with asyncio.timeout(10):
                answer = await reader.read()
            writer.close()
            return answer.decode()

    return asyncio.run(main())


def _events(answer: str) -> list[dict[str, Any]]:
    lines = answer.splitlines()
    named = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert [event["type"] for event in told] == named
    return told


FULL = Reply(
    thought=Thought(text=["Hm", "."], signature="s"),
    text=["Hel", "lo"],
    tools=[Tool(name="weather", input=["{", "}"]), Tool(name="now", id="n")],
    usage=Usage(input=1, read=2, written=3, output=4),
)


def test_a_stream_is_sent_as_named_events_block_after_block() -> None:
    answer = _exchange(AnthropicServer(FULL), _post(BODY))
    assert answer.startswith("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n")
    events = _events(answer)
    deltas = [event["delta"]["type"] for event in events if event["type"] == "content_block_delta"]
    assert deltas[:4] == ["thinking_delta", "thinking_delta", "signature_delta", "text_delta"]
    assert [event["type"] for event in events if "delta" not in event["type"]] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_stop",
        *["content_block_start", "content_block_stop"] * 3,
        "message_stop",
    ]
    assert events[-2]["delta"]["stop_reason"] == "tool_use"
    assert events[-2]["usage"] == {
        "input_tokens": 1,
        "cache_read_input_tokens": 2,
        "cache_creation_input_tokens": 3,
        "output_tokens": 4,
    }


def test_what_is_sent_is_what_the_vendors_package_declares() -> None:
    types = pytest.importorskip("anthropic.types", reason="needs the extra 'anthropic'")
    adapter: TypeAdapter[Any] = TypeAdapter(types.RawMessageStreamEvent)
    redacted = Reply(thought=Thought(redacted=True), text=["x"])
    for reply in (FULL, redacted, Reply(), Reply(text=["x"], stop="max_tokens")):
        events = _events(_exchange(AnthropicServer(reply), _post(BODY)))
        for event in events:
            if event["type"] != "ping":
                adapter.validate_python(event)


def test_models_are_told() -> None:
    types = pytest.importorskip("anthropic.types", reason="needs the extra 'anthropic'")
    server = AnthropicServer(models=["m"])
    answer = _exchange(server, _get("/v1/models?limit=5"), _get("/v1/models/m"), _get("/v1/models/n"))
    page, model, missing = (part.partition("\r\n\r\n")[2] for part in answer.split("HTTP/1.1 ")[1:])
    assert json.loads(page)["data"] == [json.loads(model)]
    assert types.ModelInfo.model_construct(**json.loads(model)).id == "m"
    assert json.loads(missing)["error"]["type"] == "not_found_error"


@pytest.mark.parametrize("header", [{"x_api_key": "k"}, {"authorization": "Bearer k"}])
def test_the_key_may_come_in_either_header(header: dict[str, str]) -> None:
    assert "200 OK" in _exchange(AnthropicServer(Reply(), key="k"), _post(BODY, **header))
    refused = _exchange(AnthropicServer(Reply(), key="other"), _post(BODY, **header))
    assert "401 Unauthorized" in refused
    assert "authentication_error" in refused


@pytest.mark.parametrize(
    ("fault", "ends"),
    [
        ("drop", "content_block_stop"),
        ("no_finish", "content_block_stop"),
        ("error_event", "error"),
    ],
)
def test_a_fault_strikes_after_the_text(fault: Fault, ends: str) -> None:
    events = _events(_exchange(AnthropicServer(Reply(text=["x"], fault=fault)), _post(BODY)))
    assert events[-1]["type"] == ends
    assert "message_stop" not in [event["type"] for event in events]


def test_a_refusal_brings_its_headers() -> None:
    reply = Reply(
        status=529, error={"type": "overloaded_error", "message": "busy"}, headers={"retry-after": "2"}
    )
    answer = _exchange(AnthropicServer(reply), _post(BODY))
    assert answer.startswith("HTTP/1.1 529 Overloaded\r\n")
    assert "retry-after: 2\r\n" in answer
    assert '"overloaded_error"' in answer


USE = {"type": "tool_use", "id": "a", "name": "t", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "sun"}
TEXT = {"type": "text", "text": "hi"}


def _talk(*contents: Any) -> list[dict[str, Any]]:
    roles = ("user", "assistant")
    return [{"role": roles[index % 2], "content": content} for index, content in enumerate(contents)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": ""}, "model"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"stream": False}, "only streams"),
        ({"system": ""}, "system"),
        ({"messages": [{"role": "system", "content": "x"}, *ASKED]}, "roles"),
        ({"messages": [{"role": "assistant", "content": "x"}, *ASKED]}, "first message"),
        ({"messages": [*ASKED, {"role": "assistant", "content": "x"}]}, "prefill"),
        ({"messages": [*ASKED, *ASKED]}, "alternate"),
        ({"messages": _talk([{"type": "text", "text": " "}])}, "non-empty"),
        ({"messages": _talk("hi", [USE], "and?")}, "expected tool_result blocks"),
        ({"messages": _talk([RESULT])}, "expected tool_result blocks"),
        ({"messages": _talk("hi", [USE], [TEXT, RESULT])}, "before other content"),
        ({"messages": _talk("hi", [{**USE, "input": "x"}], [RESULT])}, "should be an object"),
        ({"messages": _talk("hi", [{**USE, "id": "a:b"}], [{**RESULT, "tool_use_id": "a:b"}])}, "pattern"),
    ],
)
def test_what_the_real_one_refuses_is_refused(changes: dict[str, Any], words: str) -> None:
    assert words in (problem_of({**BODY, **changes}) or "")
    assert problem_of(BODY) is None


def test_a_thought_has_to_come_back_with_the_result_of_its_tool() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": "s"}

    def asked(*blocks: Any) -> bytes:
        return _post({**BODY, "messages": _talk("hi", list(blocks), [RESULT])})

    def server() -> AnthropicServer:
        thinks = Reply(thought=Thought(signature="s"), tools=[Tool(name="t", id="a")])
        return AnthropicServer(thinks, Reply(text=["x"]))

    assert _exchange(server(), _post(BODY), asked(thought, USE)).count("200 OK") == 2
    refused = _exchange(server(), _post(BODY), asked(USE))
    assert "Expected `thinking`, but found `tool_use`" in refused


def test_without_replies_it_asks_for_one() -> None:
    server = AnthropicServer(answer=lambda request: Reply(text=[request.json["model"]]))
    assert '"text": "m"' in _exchange(server, _post(BODY))
    assert "500 Internal" in _exchange(AnthropicServer(), _post(BODY))


def test_a_request_without_a_version_or_for_something_else_is_refused() -> None:
    assert "anthropic-version: header is required" in _exchange(
        AnthropicServer(), b"GET /v1/models HTTP/1.1\r\n\r\n"
    )
    assert "404 Not Found" in _exchange(AnthropicServer(), _get("/v1/complete"))
    assert "404 Not Found" in _exchange(AnthropicServer(models=None), _get("/v1/models/m"))
