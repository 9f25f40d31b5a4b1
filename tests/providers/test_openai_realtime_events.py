"""The language of the protocol: what is sent, and what errors and ends mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.realtime import SECRET
from voicepipe.core.messages import Message, ToolCall, ToolOffer
from voicepipe.errors import ProviderError
from voicepipe.providers import openai_realtime_events as wire


def test_only_an_object_with_a_type_is_an_event() -> None:
    assert wire.parsed('{"type": "whatever", "x": 1}') == {"type": "whatever", "x": 1}
    for message in ("{", "[]", "null", '"type"', '{"kind": "x"}', '{"type": 3}', b'{"type": "x"}'):
        with pytest.raises(ProviderError) as caught:
            wire.parsed(message)
        assert (caught.value.kind, caught.value.retryable) == ("protocol", True)


@given(st.one_of(st.text(), st.binary()))
def test_whatever_comes_is_an_event_or_a_provider_error(message: str | bytes) -> None:
    try:
        kind = wire.parsed(message)["type"]
    except ProviderError as error:
        kind = error.kind
    assert isinstance(kind, str)


def test_a_message_becomes_items_in_the_order_in_which_they_happened() -> None:
    call = ToolCall(id="call_1", name="f", arguments="{}")
    (user,) = wire.items_of(Message(role="user", text="Hi.", note="(They cut you short.)"))
    assert user["content"] == [{"type": "input_text", "text": "(They cut you short.) Hi."}]
    text, called = wire.items_of(Message(role="assistant", text="A moment.", tool_calls=(call,)))
    assert text["content"] == [{"type": "output_text", "text": "A moment."}]
    assert called == {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
    (alone,) = wire.items_of(Message(role="assistant", text="", tool_calls=(call,)))
    assert alone == called
    (result,) = wire.items_of(Message(role="tool", text="42", tool_call_id="call_1"))
    assert result == {"type": "function_call_output", "call_id": "call_1", "output": "42"}
    (empty,) = wire.items_of(Message(role="assistant", text=""))
    assert empty["content"][0]["text"] == ""


def test_ids_of_other_vendors_are_shortened_the_same_way_each_time() -> None:
    long = "toolu_" + "x" * 40
    assert wire.short_id("call_1") == "call_1"
    assert len(wire.short_id(long)) == wire.LONGEST_ID
    assert wire.short_id(long) == wire.short_id(long) != wire.short_id(long + "y")


def test_a_tool_is_offered_with_its_schema() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    (sent,) = wire.tools_of([ToolOffer(name="f", description="does it", parameters=schema)])
    assert sent == {"type": "function", "name": "f", "description": "does it", "parameters": schema}


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        ({"code": "invalid_api_key"}, "authentication", False),
        ({"type": "authentication_error"}, "authentication", False),
        ({"code": "insufficient_quota", "type": "rate_limit_error"}, "rate_limit", False),
        ({"code": "rate_limit_exceeded"}, "rate_limit", True),
        ({"type": "tokens"}, "rate_limit", True),
        ({"code": "session_expired"}, "connection", True),
        ({"type": "server_error"}, "server", True),
        ({"code": "conversation_already_has_active_response"}, "server", True),
        ({"type": "invalid_request_error", "code": "invalid_value"}, "bad_request", False),
        ({}, "bad_request", False),
    ],
)
def test_an_error_is_classed_by_its_code_or_its_type(
    error: dict[str, Any], kind: str, retryable: bool
) -> None:
    found = wire.refusal({"message": f"because of\n{SECRET}", **error}, SECRET)
    assert (found.kind, found.retryable, found.provider) == (kind, retryable, "openai")
    assert SECRET not in str(found)
    assert "\n" not in found.message


@pytest.mark.parametrize(
    ("response", "given", "kind"),
    [
        ({"status": "completed"}, False, None),
        ({"status": "incomplete", "status_details": {"reason": "max_output_tokens"}}, True, None),
        ({"status": "incomplete", "status_details": {"reason": "max_output_tokens"}}, False, "protocol"),
        ({"status": "incomplete", "status_details": {"reason": "content_filter"}}, True, "protocol"),
        ({"status": "cancelled", "status_details": {"reason": "turn_detected"}}, True, "server"),
        ({"status": "cancelled"}, True, "server"),
        ({"status": "failed", "status_details": {"error": {"type": "server_error"}}}, True, "server"),
        ({"status": "failed"}, True, "bad_request"),
        ({}, True, None),
    ],
)
def test_a_reply_that_is_over_may_have_failed(response: dict[str, Any], given: bool, kind: Any) -> None:
    failure = wire.failure_of(response, None, given=given)
    assert (failure and failure.kind) == kind


def test_a_call_needs_a_name_and_an_id() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    assert wire.complete_call(item) == ToolCall(id="c", name="f", arguments="{}")
    assert wire.complete_call({"type": "message"}) is None
    assert wire.complete_call({**item, "arguments": None}) == ToolCall(id="c", name="f", arguments="{}")
    for broken in ({**item, "name": ""}, {**item, "name": 3}, {**item, "call_id": None}):
        with pytest.raises(ProviderError, match="without naming it"):
            wire.complete_call(broken)


def test_fields_that_are_needed_are_asked_for_by_name() -> None:
    event = {"type": "x", "text": "a", "number": 5}
    assert (wire.text_in(event, "text"), wire.number_in(event, "number")) == ("a", 5)
    with pytest.raises(ProviderError, match="'x' has no delta"):
        wire.text_in(event, "delta")
    with pytest.raises(ProviderError, match="'x' has no text"):
        wire.number_in(event, "text")


def test_an_error_is_made_anew_for_another_who_waits() -> None:
    error = ProviderError(
        "m", provider="p", kind="server", retryable=True, status=5, retry_after_ns=7, hint="h"
    )
    other = wire.again(error)
    assert other is not error
    assert vars(other) == vars(error)


def test_words_to_be_read_out_are_quoted_whole() -> None:
    words = 'Say "exactly" this.\nAnd this.'
    asked = wire.response_of("7", words, remember=True)
    assert asked["instructions"].endswith(words)
    assert json.loads(json.dumps(asked))["metadata"] == {"voicepipe": "7"}
