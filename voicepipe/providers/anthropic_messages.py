"""The language of Anthropic's Messages: what is sent.

Protocol: https://platform.claude.com/docs/en/api/messages/create. The system prompt stands apart, the roles
alternate and the caller comes first and last, a tool's result is a block of the caller's, no text is empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from voicepipe.providers.base import Message, ToolCall, ToolOffer

SILENCE = "(silence)"
"""Stands for a caller who has said nothing: before a greeting, or where the agent speaks twice."""

_NO_ID = re.compile(r"[^A-Za-z0-9_-]")
"""What an id may not hold; that of another vendor, whose call stands in the history, may."""

Blocks = list[dict[str, Any]]
Recall = Callable[[Message, list[dict[str, Any]]], Blocks | None]
"""The blocks of an assistant's message as they were received, given it and the messages before it."""


def system_of(messages: Sequence[Message]) -> str:
    return "\n\n".join(message.text for message in messages if message.role == "system" and message.text)


def messages_of(messages: Sequence[Message], recall: Recall = lambda message, before: None) -> list[Any]:
    """All messages but the system's. ``recall`` is asked for those with tool calls."""
    wire: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = (recall(message, wire) if message.tool_calls else None) or _blocks(message)
        if not blocks:
            continue
        if wire and wire[-1]["role"] == role:
            wire[-1]["content"] += blocks
        elif not wire and role == "assistant":
            wire += [_silence(), {"role": role, "content": blocks}]
        else:
            wire.append({"role": role, "content": blocks})
    if not wire or wire[-1]["role"] == "assistant":
        wire.append(_silence())
    return wire


def _silence() -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": SILENCE}]}


def _blocks(message: Message) -> Blocks:
    if message.tool_call_id is not None:
        return [
            {
                "type": "tool_result",
                "tool_use_id": _id(message.tool_call_id),
                "content": message.text or "(nothing)",
            }
        ]
    text = f"{message.note} {message.text}" if message.note else message.text
    blocks: Blocks = [{"type": "text", "text": text}] if text.strip() else []
    return blocks + [
        {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": input_of(call)}
        for call in message.tool_calls
    ]


def _id(call_id: str) -> str:
    return _NO_ID.sub("_", call_id)


def input_of(call: ToolCall) -> dict[str, Any]:
    """The arguments as an object, which the API demands; what is none is wrapped into one, as
    https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming advises."""
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        arguments = None
    return arguments if isinstance(arguments, dict) else {"INVALID_JSON": call.arguments}


def tools_of(tools: Sequence[ToolOffer]) -> list[dict[str, Any]]:
    return [
        {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
        for tool in tools
    ]
