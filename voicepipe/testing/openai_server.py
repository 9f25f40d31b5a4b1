"""A server on loopback that speaks OpenAI's Chat Completions and answers as it is told.

Protocol: https://platform.openai.com/docs/api-reference/chat/streaming (server-sent events, one JSON chunk
each, ended by ``[DONE]``), /models/list and /docs/guides/error-codes. It checks what the real one would
refuse as malformed, so that a request that passes here isn't wrong for a trivial reason.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from voicepipe.testing.http import Request, chunk, head, whole
from voicepipe.testing.openai_http import OpenAIHttpServer, error

Fault = Literal["drop", "no_finish", "malformed", "odd", "stall", "error_event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool call of the model; ``arguments`` are sent in these pieces."""

    name: str
    arguments: Sequence[str] = ("{}",)
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server does with one request.

    ``fault`` strikes after all of ``text`` and ``tools``, before the reason to finish: ``drop`` closes the
    connection, ``no_finish`` ends the stream in good order, ``malformed`` sends what isn't JSON, ``odd`` JSON
    of another shape, ``stall`` nothing more until the client hangs up, ``error_event`` an error.
    """

    text: Sequence[str] = ()
    tools: Sequence[Tool] = ()
    usage: dict[str, Any] | None = field(
        default_factory=lambda: {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    )
    finish: str | None = None
    refusal: str | None = None
    fault: Fault | None = None
    status: int = 200
    error: dict[str, Any] = field(default_factory=lambda: {"message": "no", "type": "error", "code": None})
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of an answer with another status than 200: ``retry-after``."""
    silent: bool = False
    """Don't answer at all, until the client hangs up."""


class OpenAIServer(OpenAIHttpServer):
    """``async with OpenAIServer(Reply(text=["Hi"])) as server:`` – then talk to ``server.base_url``.

    Each request for a completion takes the next of ``replies``, or asks ``answer``; without either it is
    answered with 500.
    """

    path = "/v1/chat/completions"

    def __init__(
        self,
        *replies: Reply,
        models: Iterable[str] | None = ("test-model",),
        key: str | None = None,
        owned_by: str = "voicepipe",
        answer: Callable[[Request], Reply] | None = None,
    ) -> None:
        """``models`` None: the list isn't offered (404). ``key``: what the client has to bring."""
        super().__init__(models=models, key=key, owned_by=owned_by)
        self.replies = deque(replies)
        self._answer_to = answer or (lambda request: Reply(status=500))

    @property
    def completions(self) -> list[Request]:
        """The requests for completions, without those for the list of models."""
        return self.posts

    async def respond(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if problem := _problem(request.json):
            writer.write(whole(400, error(problem, "invalid_request")))
            return True
        reply = self.replies.popleft() if self.replies else self._answer_to(request)
        if (over := await self.refused(reply, request, reader, writer)) is not None:
            return over
        writer.write(head(200, "text/event-stream"))
        for data in _events(reply, request.json):
            writer.write(chunk(f"data: {data}\n\n".encode()))
            await writer.drain()
        if reply.fault == "drop":
            return False
        if reply.fault == "stall":
            return await self.until_hung_up(request, reader)
        writer.write(chunk(b"data: [DONE]\n\n") + chunk(b""))
        return True


def _problem(body: Any) -> str | None:
    """Why the real server would refuse ``body``."""
    if not body.get("stream"):
        return "this server only streams"
    if not body.get("messages"):
        return "messages: at least one was expected"
    called: set[str] = set()
    for message in body["messages"]:
        called |= {call["id"] for call in message.get("tool_calls", [])}
        if message["role"] == "tool" and message.get("tool_call_id") not in called:
            return "a message of role 'tool' must answer a tool call of a message before it"
        if message["content"] is None and not message.get("tool_calls"):
            return "content may be null only beside tool_calls"
    return None


def _events(reply: Reply, body: dict[str, Any]) -> Iterator[str]:
    """The data of the events of one stream, but for the last."""

    def event(choices: list[dict[str, Any]], **fields: Any) -> str:
        frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": body["model"]}
        return json.dumps({**frame, "choices": choices, **fields})

    def delta(content: dict[str, Any], finish: str | None = None) -> str:
        return event([{"index": 0, "delta": content, "finish_reason": finish}])

    yield delta({"role": "assistant", "content": ""})
    for text in reply.text:
        yield delta({"content": text})
    if reply.refusal:
        yield delta({"refusal": reply.refusal})
    for index, tool in enumerate(reply.tools):
        opening = {"index": index, "id": tool.id or f"call_{index}", "type": "function"}
        yield delta({"tool_calls": [{**opening, "function": {"name": tool.name, "arguments": ""}}]})
        for piece in tool.arguments:
            yield delta({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    match reply.fault:
        case "malformed":
            yield '{"choices": [{"del'
        case "odd":
            yield from (
                '{"choices": null}',
                '{"choices": [7]}',
                "[]",
                '{"choices": [{"delta": {"content": 3}}]}',
            )
        case "error_event":
            yield json.dumps({"error": reply.error})
    if reply.fault in (None, "odd"):
        yield delta({}, reply.finish or ("tool_calls" if reply.tools else "stop"))
        if reply.usage is not None and body.get("stream_options", {}).get("include_usage"):
            yield event([], usage=reply.usage)
