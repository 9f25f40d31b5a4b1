"""Events checked with the vendor's models, down to fields that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("openai", reason="needs the extra 'local'")

from pydantic import ValidationError

from voicepipe.testing.realtime_wire import (
    Refused,
    check_client_event,
    check_server_event,
    client_models,
    server_models,
)


def test_the_vendor_has_eleven_client_events_and_four_dozen_of_the_server() -> None:
    assert len(client_models()) == 11
    assert {"session.created", "response.done", "error"} <= set(server_models())
    assert len(server_models()) == 46


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({"type": "response.make"}, "invalid_value", "type"),
        ({"type": ["response.create"]}, "invalid_value", "type"),
        ({}, "invalid_value", "type"),
        (None, "invalid_value", "type"),
        ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
        ({"type": "input_audio_buffer.append", "audio": 5}, "invalid_value", "audio"),
        ({"type": "response.cancel", "id": "r"}, "unknown_parameter", "id"),
        (
            {"type": "response.create", "response": {"modalities": ["text"]}},
            "unknown_parameter",
            "response.modalities",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "a", "txt": 1}],
                },
            },
            "unknown_parameter",
            "item.content.0.txt",
        ),
    ],
)
def test_what_the_real_server_would_refuse_is_refused(event: Any, code: str, param: str) -> None:
    with pytest.raises(Refused) as refused:
        check_client_event(event)
    assert (refused.value.error["code"], refused.value.error["param"]) == (code, param)


def test_what_it_takes_is_taken() -> None:
    check_client_event({"type": "response.cancel"})
    check_client_event({"type": "response.create", "event_id": "e", "response": {"metadata": {"a": "b"}}})
    tool = {"type": "function", "name": "f", "description": "", "parameters": {"type": "object", "x": 1}}
    check_client_event({"type": "session.update", "session": {"type": "realtime", "tools": [tool]}})


def test_the_server_can_not_send_what_is_no_event() -> None:
    check_server_event({"type": "input_audio_buffer.cleared", "event_id": "e"})
    with pytest.raises(ValidationError):
        check_server_event({"type": "input_audio_buffer.cleared"})
    with pytest.raises(KeyError):
        check_server_event({"type": "input_audio_buffer.emptied", "event_id": "e"})
