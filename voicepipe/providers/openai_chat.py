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
from voicepipe.providers.vendor_errors import bad_answer

CHARACTERS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English; used only where no usage was reported, and marked as an estimate."""

LONGEST_ANSWER = 400_000
"""Characters: more than the longest answer of any model, less than what hurts."""


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


class Tally:
    """Puts what a request consumed on its ``Call``: as the server reports it, or estimated if it doesn't.

    A stream that was cut off has no report: its tokens are estimated from the characters sent and received.
    Hidden reasoning isn't among those, so that for models which reason the estimate is too low.
    """

    def __init__(self, call: Call, request: dict[str, Any]) -> None:
        self._call = call
        self._sent = len(json.dumps([request["messages"], request.get("tools", [])], ensure_ascii=False))
        self._reported = False
        self.received = 0
        """Characters of text and of tool calls."""
        self.billed = True
        """False: the request was refused, or never arrived."""

    def report(self, usage: Any) -> None:
        """The ``usage`` object of a chunk; None in most of them."""
        prompt = getattr(usage, "prompt_tokens", None)
        completion = getattr(usage, "completion_tokens", None)
        if not isinstance(prompt, int) or not isinstance(completion, int):
            return
        self._reported = True
        self._call.set_usage("tokens_in", prompt)
        self._call.set_usage("tokens_out", completion)
        cached = getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", None)
        if isinstance(cached, int):
            self._call.set_usage("tokens_in_cached", cached)

    def close(self) -> None:
        if self._reported or not self.billed:
            return
        self._call.set_usage("tokens_in", _tokens(self._sent), estimated=True)
        self._call.set_usage("tokens_out", _tokens(self.received), estimated=True)


def _tokens(characters: int) -> int:
    return -(-characters // CHARACTERS_PER_TOKEN)
