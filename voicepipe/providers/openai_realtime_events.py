"""The Realtime protocol's language: what is sent, and what an error or a reply's end means.

Protocol: https://developers.openai.com/api/reference/resources/realtime/client-events and /server-events,
in the generally available version; the field names are those of ``openai.types.realtime`` 3.54.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from voicepipe.core.messages import Message, ToolCall, ToolOffer
from voicepipe.errors import ProviderError
from voicepipe.providers.vendor_errors import bad_answer, one_line

PROVIDER = "openai"
LONGEST_ID = 32
"""Characters of an id that a client may choose."""

TAG = "voicepipe"
"""The key of a response's metadata by which it is known before it has an id."""

READ_OUT = (
    "Say exactly the following words, as they are and in their own language, with nothing before or after "
    "them:\n\n"
)

_REFUSED_KEY = frozenset({"invalid_api_key", "authentication_error", "permission_denied", "access_denied"})
_TOO_MANY = frozenset({"rate_limit_exceeded", "rate_limit_error", "tokens", "requests"})
_SERVER_FAILED = frozenset({"server_error", "internal_error", "overloaded_error", "engine_overloaded"})


def parsed(message: str | bytes) -> dict[str, Any]:
    """One event of the server; unknown ones are fine. ``ProviderError`` for what is no event."""
    if isinstance(message, str):
        try:
            event = json.loads(message)
        except ValueError:
            raise bad_answer(PROVIDER, "the server sent what isn't JSON") from None
        if isinstance(event, dict) and isinstance(event.get("type"), str):
            return event
    raise bad_answer(PROVIDER, "the server sent what is no event")


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────


def short_id(name: str) -> str:
    """``name``, or something as unique that the protocol has room for: other vendors' ids may be long."""
    return name if len(name) <= LONGEST_ID else sha256(name.encode()).hexdigest()[:LONGEST_ID]


def items_of(message: Message) -> Iterator[dict[str, Any]]:
    """The items that ``message`` is in the server's conversation: at least one."""
    if message.role == "tool":
        call_id = short_id(message.tool_call_id or "")
        yield {"type": "function_call_output", "call_id": call_id, "output": message.text}
        return
    if message.text or not message.tool_calls:
        kind = "output_text" if message.role == "assistant" else "input_text"
        text = f"{message.note} {message.text}" if message.note else message.text
        yield {"type": "message", "role": message.role, "content": [{"type": kind, "text": text}]}
    for call in message.tool_calls:
        yield {
            "type": "function_call",
            "call_id": short_id(call.id),
            "name": call.name,
            "arguments": call.arguments,
        }


def tools_of(tools: Sequence[ToolOffer]) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        }
        for tool in tools
    ]


def response_of(tag: str, say: str | None, *, remember: bool) -> dict[str, Any]:
    """What ``response.create`` asks for. Words to be read out need no context, and are not to be answered."""
    response: dict[str, Any] = {"metadata": {TAG: tag}}
    if say is not None:
        response |= {"instructions": READ_OUT + say, "tool_choice": "none", "input": []}
    if not remember:
        response |= {"conversation": "none", "input": []}
    return response


def cancellation(response_id: str) -> dict[str, Any]:
    return {"type": "response.cancel", "event_id": f"cancel-{response_id}", "response_id": response_id}


# ── what comes ───────────────────────────────────────────────────────────────────────────────────


def text_in(event: dict[str, Any], name: str) -> str:
    """A field that has to be text; ``ProviderError`` if it isn't."""
    value = event.get(name)
    if not isinstance(value, str):
        raise bad_answer(PROVIDER, f"the server's event '{event['type']}' has no {name}")
    return value


def number_in(event: dict[str, Any], name: str) -> int:
    """A field that has to be a whole number; ``ProviderError`` if it isn't."""
    value = event.get(name)
    if not isinstance(value, int):
        raise bad_answer(PROVIDER, f"the server's event '{event['type']}' has no {name}")
    return value


def table_in(event: dict[str, Any], name: str) -> dict[str, Any]:
    """A field that has to be an object; empty if it isn't."""
    value = event.get(name)
    return value if isinstance(value, dict) else {}


def tables_in(event: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A field that has to be a list of objects, without whatever else is in it."""
    value = event.get(name)
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def complete_call(item: dict[str, Any]) -> ToolCall | None:
    """The call of a tool that an output item is; None if it is another one, or was cut short."""
    if item.get("type") != "function_call" or item.get("status") == "incomplete":
        return None
    call_id, name, arguments = item.get("call_id"), item.get("name"), item.get("arguments")
    if not isinstance(call_id, str) or not isinstance(name, str) or not name:
        raise bad_answer(PROVIDER, "the model called a tool without naming it")
    return ToolCall(id=call_id, name=name, arguments=arguments if isinstance(arguments, str) else "{}")


def refusal(error: dict[str, Any], key: str | None) -> ProviderError:
    """The ``error`` of an event, in our terms; ``key`` is never a part of it."""
    names = {name for name in (error.get("code"), error.get("type")) if isinstance(name, str)}
    message = error.get("message")
    reason = one_line(message if isinstance(message, str) else "it gives no reason", key)
    if names & _REFUSED_KEY:
        return ProviderError("the server refused the key", provider=PROVIDER, kind="authentication")
    if "insufficient_quota" in names:
        hint = "the account's credit is used up"
        return ProviderError(reason, provider=PROVIDER, kind="rate_limit", hint=hint)
    if names & _TOO_MANY:
        text = f"too many requests: {reason}"
        return ProviderError(text, provider=PROVIDER, kind="rate_limit", retryable=True)
    if "session_expired" in names:
        return ProviderError(reason, provider=PROVIDER, kind="connection", retryable=True)
    if names & _SERVER_FAILED or "conversation_already_has_active_response" in names:
        text = f"the server failed: {reason}"
        return ProviderError(text, provider=PROVIDER, kind="server", retryable=True)
    return ProviderError(f"the server refused: {reason}", provider=PROVIDER, kind="bad_request")


def again(error: ProviderError) -> ProviderError:
    """``error`` for another one who waits: an exception belongs to the place where it was raised."""
    return ProviderError(
        error.message,
        provider=error.provider,
        kind=error.kind,
        retryable=error.retryable,
        status=error.status,
        retry_after_ns=error.retry_after_ns,
        hint=error.hint,
    )


def failure_of(response: dict[str, Any], key: str | None, *, given: bool) -> ProviderError | None:
    """Why a response that is done isn't what it should be; ``given``: something of it has come.

    A reply that reached ``max_output_tokens`` is one, since who set the limit wants that.
    """
    status, details = response.get("status"), table_in(response, "status_details")
    if status == "failed":
        return refusal(table_in(details, "error"), key)
    if status == "cancelled":
        reason = details.get("reason")
        text = f"the server broke the reply off ({reason if isinstance(reason, str) else 'without a reason'})"
        return ProviderError(text, provider=PROVIDER, kind="server", retryable=True)
    if status == "incomplete":
        if details.get("reason") == "content_filter":
            return bad_answer(PROVIDER, "the server's content filter withheld the reply")
        if not given:
            return bad_answer(PROVIDER, "the reply was cut off before its first word")
    return None
