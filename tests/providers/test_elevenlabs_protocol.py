"""The messages in themselves; ``test_elevenlabs`` has them on a real connection."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.workers import make_host
from voicepipe.errors import ProviderError
from voicepipe.providers.elevenlabs_config import ElevenLabsConfig
from voicepipe.providers.elevenlabs_protocol import ElevenSockets, audio_of, parsed, request, times_of

SOCKETS = ElevenSockets(ElevenLabsConfig(base_url="ws://localhost"), make_host())


def test_a_request_opens_a_context_says_all_and_ends_it() -> None:
    assert [json.loads(part) for part in request("c1", "Hello.\n\n", {})] == [
        {"text": " ", "context_id": "c1"},
        {"text": "Hello. ", "context_id": "c1", "flush": True},
        {"context_id": "c1", "close_context": True},
    ]


@pytest.mark.parametrize("message", ["", "{", "[]", "3", "null", b"\xff\xfe", "[" * 100_000])
def test_what_is_no_json_object_is_a_breach_of_the_protocol(message: str | bytes) -> None:
    with pytest.raises(ProviderError) as caught:
        parsed(message)
    assert caught.value.kind == "protocol"


def test_audio_is_decoded_and_may_be_missing() -> None:
    assert audio_of({"audio": "AQACAA=="}) == b"\x01\x00\x02\x00"
    assert audio_of({"audio": None}) == audio_of({}) == b""


@pytest.mark.parametrize("audio", ["what?", "AQA", 3, [], {}, float("nan"), "é"])
def test_audio_that_is_not_base64_is_a_breach_of_the_protocol(audio: Any) -> None:
    with pytest.raises(ProviderError) as caught:
        audio_of({"audio": audio})
    assert caught.value.kind == "protocol"


def test_times_of_characters_count_from_the_first_sample_of_their_message() -> None:
    alignment = {"chars": ["N", "o"], "charStartTimesMs": [0, 40], "charDurationsMs": [40, 60]}
    assert times_of({"alignment": alignment}, 1000) == [("N", 1000, 1040), ("o", 1040, 1100)]


@pytest.mark.parametrize(
    "alignment",
    [
        None,
        [],
        {"chars": ["a"]},
        {"chars": "a", "charStartTimesMs": [0], "charDurationsMs": [1]},
        {"chars": ["a"], "charStartTimesMs": [0, 1], "charDurationsMs": [1]},
        {"chars": ["a"], "charStartTimesMs": [float("nan")], "charDurationsMs": [1]},
        {"chars": ["a"], "charStartTimesMs": [-1], "charDurationsMs": [1]},
        {"chars": ["a"], "charStartTimesMs": [True], "charDurationsMs": [1]},
        {"chars": [7], "charStartTimesMs": [0], "charDurationsMs": [1]},
    ],
)
def test_times_that_cannot_be_read_are_none(alignment: Any) -> None:
    assert times_of({"alignment": alignment}, 0) == []


@given(st.binary(max_size=40))
def test_all_audio_survives_the_way(data: bytes) -> None:
    assert audio_of(parsed(json.dumps({"audio": base64.b64encode(data).decode()}))) == data


@pytest.mark.parametrize(
    ("answer", "status", "kind", "said"),
    [
        ({"message": "No credit", "error": "quota_exceeded", "code": 1008}, None, "rate_limit", "No credit"),
        ({"detail": {"code": "voice_not_found", "message": "No such voice"}}, 404, "bad_request", "No such"),
        ({"detail": {"status": "invalid_api_key", "message": "x"}}, 401, "authentication", "refused the key"),
        ({"detail": {"type": "rate_limit_error", "code": "new_name"}}, 429, "rate_limit", "doesn't say why"),
        ({"detail": "Not Found"}, 404, "bad_request", "Not Found"),
        ({"message": "This request exceeds your quota."}, None, "rate_limit", "exceeds your quota"),
        (
            {"message": "Have not received text within the timeout of 20 seconds"},
            None,
            "timeout",
            "20 seconds",
        ),
        ({"error": {"odd": 1}}, None, "server", "doesn't say why"),
        ({}, 503, "server", "503"),
    ],
)
def test_refusals_are_known_by_their_names_or_sentences_or_status(
    answer: dict[str, Any], status: int | None, kind: str, said: str
) -> None:
    error = SOCKETS.refusal(answer, status=status)
    assert (error.kind, error.provider) == (kind, "elevenlabs")
    assert said in str(error)
    if status is not None:
        assert error.status == status


def test_spent_credit_is_not_to_be_asked_for_again() -> None:
    error = SOCKETS.refusal({"error": "quota_exceeded"}, status=401)
    assert (error.kind, error.retryable, error.retry_after_ns) == ("rate_limit", False, None)
    assert error.hint is not None
    assert "credit" in error.hint
