"""The language of Chat Completions: what is sent, and how the pieces of an answer are put together.

Protocol: https://platform.openai.com/docs/api-reference/chat (create, and the chunk object).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from voicepipe.core.calls import Call
from voicepipe.providers.base import Message, ToolCall, ToolOffer
from voicepipe.providers.token_tally import TokenTally
from voicepipe.providers.vendor_errors import bad_answer


def messages_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [_message(message) for message in messages]


def _message(message: Message) -> dict[str, Any]:
    content = f"{message.note} {message.text}" if message.note else message.text
    wire: dict[str, Any] = {"role": message.role, "content": content}
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        wire["content"] = message.text or None
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    return wire


def tools_of(tools: Sequence[ToolOffer]) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            },
        }
        for tool in tools
    ]


@dataclass(slots=True)
class _Partial:
    index: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""


class PartialCalls:
    """Puts tool calls together from the fragments of a stream, which name a call by its ``index``.

    Some servers leave the index out, or give all calls the same one: a new id is a new call as well.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._calls: list[_Partial] = []

    def add(self, fragment: Any) -> int:
        """Take the next fragment; the characters that it brought."""
        index, call_id = getattr(fragment, "index", None), getattr(fragment, "id", None) or ""
        call = next((call for call in reversed(self._calls) if call.index == index), None)
        if call is None or (call_id and call.id and call_id != call.id):
            call = _Partial(index)
            self._calls.append(call)
        call.id = call.id or call_id
        function = getattr(fragment, "function", None)
        name, arguments = getattr(function, "name", None), getattr(function, "arguments", None)
        if isinstance(arguments, dict):  # a few servers send the object itself
            arguments = json.dumps(arguments)
        before = len(call.name) + len(call.arguments)
        call.name += name if isinstance(name, str) else ""
        call.arguments += arguments if isinstance(arguments, str) else ""
        return len(call.name) + len(call.arguments) - before

    def complete(self) -> list[ToolCall]:
        """The calls in the model's order. Raises ``ProviderError`` if one has no name."""
        if any(not call.name for call in self._calls):
            raise bad_answer(self._provider, "the model called a tool without naming it")
        return [
            ToolCall(
                id=call.id or f"call_{uuid4().hex[:16]}", name=call.name, arguments=call.arguments or "{}"
            )
            for call in self._calls
        ]


class Tally(TokenTally):
    """Reads the ``usage`` object that a server sends in the last chunk, if it does."""

    def __init__(self, call: Call, request: dict[str, Any]) -> None:
        sent = [request["messages"], request.get("tools", [])]
        super().__init__(call, len(json.dumps(sent, ensure_ascii=False)))

    def report_usage(self, usage: Any) -> None:
        """The ``usage`` of a chunk; None in most of them."""
        self.report("tokens_in", getattr(usage, "prompt_tokens", None))
        self.report("tokens_out", getattr(usage, "completion_tokens", None))
        details = getattr(usage, "prompt_tokens_details", None)
        self.report("tokens_in_cached", getattr(details, "cached_tokens", None))
        if written := getattr(details, "cache_write_tokens", None):
            self.report("tokens_in_written", written)
