"""A server on loopback that speaks Anthropic's Messages and answers as it is told.

Protocol: https://platform.claude.com/docs/en/build-with-claude/streaming (the events), /docs/en/api/messages
(what is refused), /docs/en/api/models and /docs/en/api/errors. It checks what the real one would refuse as
malformed, so that a request that passes here isn't wrong for a trivial reason. ``cache_control`` is taken,
and what ``Usage`` says is told, but nothing is cached.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from voicepipe.testing.http import HttpServer, Request, chunk, head, whole

Fault = Literal["drop", "no_finish", "malformed", "odd", "stall", "error_event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A call of the model; its ``input`` is sent in these pieces of JSON."""

    name: str
    input: Sequence[str] = ("{}",)
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """What the model thought before it wrote. It has to come back with the results of the reply's tools."""

    text: Sequence[str] = ()
    signature: str = "c2lnbmF0dXJl"
    redacted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens. ``input`` are those that neither came from the cache (``read``) nor went into it."""

    input: int = 11
    read: int = 0
    written: int = 0
    output: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server does with one request: a thought, text, and tools, in this order.

    ``fault`` strikes after all of them, before the reason to stop: ``drop`` closes the connection,
    ``no_finish`` ends the stream in good order, ``malformed`` sends what isn't JSON, ``odd`` JSON of another
    shape, ``stall`` nothing more until the client hangs up, ``error_event`` the error ``error``.
    """

    text: Sequence[str] = ()
    tools: Sequence[Tool] = ()
    thought: Thought | None = None
    usage: Usage = field(default_factory=Usage)
    stop: str | None = None
    fault: Fault | None = None
    status: int = 200
    error: dict[str, Any] = field(default_factory=lambda: {"type": "api_error", "message": "no"})
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of an answer with another status than 200: ``retry-after``."""
    silent: bool = False
    """Don't answer at all, until the client hangs up."""


class AnthropicServer(HttpServer):
    """``async with AnthropicServer(Reply(text=["Hi"])) as server:`` – then talk to ``server.base_url``.

    Each request for a message takes the next of ``replies``, or asks ``answer``; without either it is
    answered with 500.
    """

    def __init__(
        self,
        *replies: Reply,
        models: Iterable[str] | None = ("test-model",),
        key: str | None = None,
        answer: Callable[[Request], Reply] | None = None,
    ) -> None:
        """``models`` None: they aren't told (404). ``key``: what the client has to bring."""
        super().__init__()
        self.replies = deque(replies)
        self._models = None if models is None else list(models)
        self._key = key
        self._answer_to = answer or (lambda request: Reply(status=500))
        self._owed: dict[str, str] = {}
        """The id of a call → the signature of the thought before it."""

    @property
    def base_url(self) -> str:
        return self.origin

    @property
    def messages(self) -> list[Request]:
        """The requests for messages, without those for models."""
        return [request for request in self.requests if request.method == "POST"]

    async def answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        path = request.path.partition("?")[0]
        if self._key is not None and self._key not in _keys(request):
            found = ", ".join(_keys(request)) or "nothing"
            writer.write(whole(401, _error("authentication_error", f"invalid x-api-key: {found}")))
        elif "anthropic-version" not in request.headers:
            writer.write(whole(400, _error("invalid_request_error", "anthropic-version: header is required")))
        elif request.method == "GET" and path.startswith("/v1/models") and self._models is not None:
            writer.write(self._about_models(path.removeprefix("/v1/models").strip("/")))
        elif (request.method, path) == ("POST", "/v1/messages"):
            return await self._message(request, reader, writer)
        else:
            writer.write(whole(404, _error("not_found_error", f"no such path: {path}")))
        return True

    def _about_models(self, wanted: str) -> bytes:
        assert self._models is not None
        listed = [
            {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"}
            for name in self._models
        ]
        if not wanted:
            return whole(200, {"data": listed, "has_more": False})
        found = next((model for model in listed if model["id"] == wanted), None)
        return whole(200, found) if found else whole(404, _error("not_found_error", f"model: {wanted}"))

    async def _message(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if problem := problem_of(request.json) or self._problem_of_thoughts(request.json["messages"]):
            writer.write(whole(400, _error("invalid_request_error", problem)))
            return True
        reply = self.replies.popleft() if self.replies else self._answer_to(request)
        if reply.silent:
            return await self.until_hung_up(request, reader)
        if reply.status != 200:
            answer = {"type": "error", "error": reply.error, "request_id": "req_1"}
            writer.write(whole(reply.status, answer, headers=reply.headers))
            return True
        if reply.thought is not None:
            self._owed |= {
                id_of(tool, index): reply.thought.signature for index, tool in enumerate(reply.tools)
            }
        writer.write(head(200, "text/event-stream; charset=utf-8"))
        for name, data in _events(reply, request.json["model"]):
            writer.write(chunk(f"event: {name}\ndata: {data}\n\n".encode()))
            await writer.drain()
        if reply.fault == "drop":
            return False
        if reply.fault == "stall":
            return await self.until_hung_up(request, reader)
        writer.write(chunk(b""))
        return True

    def _problem_of_thoughts(self, messages: list[Any]) -> str | None:
        if len(messages) < 3 or not any(block["type"] == "tool_result" for block in blocks_of(messages[-1])):
            return None
        blocks = blocks_of(messages[-2])
        signatures = {block.get("signature") or block.get("data") for block in blocks}
        owed = {self._owed.get(block["id"]) for block in blocks if block["type"] == "tool_use"} - {None}
        if owed <= signatures:
            return None
        place = f"messages.{len(messages) - 2}.content.0.type"
        return f"{place}: Expected `thinking`, but found `{blocks[0]['type']}`"


def id_of(tool: Tool, index: int) -> str:
    return tool.id or f"toolu_{index}"


def blocks_of(message: dict[str, Any]) -> list[Any]:
    """A text may stand for a block."""
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _keys(request: Request) -> list[str]:
    """The key comes as ``x-api-key``, or as a bearer token."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return [key for key in (request.headers.get("x-api-key"), bearer) if key]


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


# ── what is refused ──────────────────────────────────────────────────────────────────────────────


def problem_of(body: Any) -> str | None:
    """Why the real server would refuse ``body``."""
    for field_name in ("model", "max_tokens", "messages"):
        if not body.get(field_name):
            return f"{field_name}: Field required"
    if not body.get("stream"):
        return "this server only streams"
    if "system" in body and not body["system"]:
        return "system: text content blocks must be non-empty"
    messages = body["messages"]
    roles = [message["role"] for message in messages]
    if not set(roles) <= {"user", "assistant"}:
        return f"messages: unexpected roles {sorted(set(roles))}"
    if roles[0] != "user":
        return "messages: first message must use the 'user' role"
    if roles[-1] != "user":
        return "this model does not support assistant message prefill"
    if any(role == after for role, after in pairwise(roles)):
        return "messages: roles must alternate between 'user' and 'assistant'"
    return _problem_of_blocks(messages)


def _problem_of_blocks(messages: list[Any]) -> str | None:
    waiting: set[str] = set()
    for index, message in enumerate(messages):
        blocks = blocks_of(message)
        if any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            return f"messages.{index}: text content blocks must be non-empty"
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if set(results) != waiting or len(results) != len(waiting):
            return f"messages.{index}: expected tool_result blocks for {sorted(waiting)}, found {results}"
        if [block["type"] for block in blocks[: len(results)]] != ["tool_result"] * len(results):
            return f"messages.{index}: tool_result blocks must come before other content"
        calls = [block for block in blocks if block["type"] == "tool_use"]
        waiting = {block["id"] for block in calls}
        for block in calls:
            if not isinstance(block["input"], dict):
                return f"messages.{index}: tool_use.input: Input should be an object"
            if not block["id"].replace("-", "_").replace("_", "a").isalnum() or not block["id"].isascii():
                return f"messages.{index}: tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
    return f"tool_use ids were found without tool_result blocks: {sorted(waiting)}" if waiting else None


# ── what is answered ─────────────────────────────────────────────────────────────────────────────


def _events(reply: Reply, model: str) -> Iterator[tuple[str, str]]:
    """The names and the data of the events of one stream."""

    def event(name: str, **fields: Any) -> tuple[str, str]:
        return name, json.dumps({"type": name, **fields})

    usage = reply.usage
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": []}
    counted = {
        "input_tokens": usage.input,
        "cache_read_input_tokens": usage.read,
        "cache_creation_input_tokens": usage.written,
    }
    begun = {"stop_reason": None, "stop_sequence": None, "usage": {**counted, "output_tokens": 1}}
    yield event("message_start", message={**message, **begun})
    for index, (block, deltas) in enumerate(_blocks(reply)):
        yield event("content_block_start", index=index, content_block=block)
        if index == 0:
            yield event("ping")
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    match reply.fault:
        case "malformed":
            yield "content_block_delta", '{"type": "content_bl'
        case "odd":
            yield from _odd_events()
        case "error_event":
            yield event("error", error=reply.error, request_id="req_1")
    if reply.fault in (None, "odd"):
        stop = reply.stop or ("tool_use" if reply.tools else "end_turn")
        told = {**counted, "output_tokens": usage.output}
        yield event("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage=told)
        yield event("message_stop")


def _blocks(reply: Reply) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each block as it begins, and its deltas."""
    thought = reply.thought
    if thought is not None and thought.redacted:
        yield {"type": "redacted_thinking", "data": thought.signature}, []
    elif thought is not None:
        yield (
            {"type": "thinking", "thinking": "", "signature": ""},
            [
                *({"type": "thinking_delta", "thinking": piece} for piece in thought.text),
                {"type": "signature_delta", "signature": thought.signature},
            ],
        )
    if reply.text:
        yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in reply.text]
    for index, tool in enumerate(reply.tools):
        yield (
            {"type": "tool_use", "id": id_of(tool, index), "name": tool.name, "input": {}},
            [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *tool.input)],
        )


def _odd_events() -> Iterator[tuple[str, str]]:
    """What a later version of the protocol, or a careless server, might send."""
    yield "content_block_delta", '{"type": "content_block_delta", "index": 0, "delta": null}'
    yield (
        "content_block_delta",
        '{"type": "content_block_delta", "index": 99, "delta": {"type": "text_delta"}}',
    )
    yield (
        "content_block_start",
        '{"type": "content_block_start", "index": 98, "content_block": {"type": "new"}}',
    )
    yield "content_block_stop", '{"type": "content_block_stop", "index": 98}'
    yield "message_delta", '{"type": "message_delta", "delta": {}, "usage": {"output_tokens": "many"}}'
    yield "something_new", '{"type": "something_new"}'
