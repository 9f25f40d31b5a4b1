from __future__ import annotations

import json
from typing import Any

import pytest

from voicepipe.providers.sdk_errors import as_provider_error

sdk = pytest.importorskip("openai", reason="needs the extra 'local'")
httpx2 = pytest.importorskip("httpx2", reason="needs the extra 'local'")

URL = "http://localhost:8000/v1"
REQUEST = httpx2.Request("POST", URL)


def _status(status: int, message: str, code: str | None = None) -> Any:
    response = httpx2.Response(status, request=REQUEST)
    return sdk.APIStatusError(message, response=response, body={"message": message, "code": code})


def _text(error: Exception, key: str | None = None) -> str:
    return str(as_provider_error(sdk, error, provider="openai", url=URL, key=key))


def test_a_key_that_the_server_repeats_is_masked() -> None:
    text = _text(_status(400, "the key sk-secret may not do that"), key="sk-secret")
    assert "sk-secret" not in text
    assert "*** may not do that" in text


def test_what_a_server_says_of_a_refused_key_is_not_passed_on() -> None:
    assert "sk-" not in _text(_status(401, "Incorrect API key provided: sk-ab***yz"))


def test_a_long_story_of_the_server_is_cut_and_kept_on_one_line() -> None:
    text = _text(_status(500, "first\nsecond " + "x" * 5000))
    assert "first second" in text
    assert len(text) < 400


def test_an_account_without_credit_is_not_asked_again() -> None:
    error = as_provider_error(
        sdk, _status(429, "quota", "insufficient_quota"), provider="openai", url=URL, key=None
    )
    assert not error.retryable
    assert error.hint is not None


def test_what_cannot_be_read_is_a_bad_answer_that_quotes_nothing() -> None:
    try:
        json.loads('{"private')
    except ValueError as error:
        found = as_provider_error(sdk, error, provider="openai", url=URL, key=None)
    assert found.kind == "protocol"
    assert "private" not in str(found)


def test_a_timeout_is_told_apart_from_a_lost_connection() -> None:
    timeout = as_provider_error(
        sdk, sdk.APITimeoutError(request=REQUEST), provider="openai", url=URL, key=None
    )
    lost = as_provider_error(
        sdk, sdk.APIConnectionError(request=REQUEST), provider="openai", url=URL, key=None
    )
    assert (timeout.kind, lost.kind) == ("timeout", "connection")
    assert URL in timeout.message
    assert URL in lost.message


def _in_stream(**body: Any) -> Any:
    return sdk.APIError("it broke", REQUEST, body=body)


@pytest.mark.parametrize(
    ("body", "kind", "status", "retryable"),
    [
        ({"message": "no", "type": "server_error", "code": None}, "server", None, True),
        ({"message": "no", "code": "rate_limit_exceeded"}, "rate_limit", 429, True),
        ({"message": "no", "code": "insufficient_quota"}, "rate_limit", 429, False),
        ({"message": "no", "type": "invalid_request_error"}, "bad_request", 400, False),
        ({"message": "upstream", "code": 502, "metadata": {}}, "server", 502, True),
        ({"message": "out of credit", "code": 402}, "rate_limit", 402, False),
        ({"message": 7, "code": True}, "server", None, True),
        ({}, "server", None, True),
    ],
)
def test_an_error_within_a_stream_is_classed_by_its_names(
    body: dict[str, Any], kind: str, status: int | None, retryable: bool
) -> None:
    error = as_provider_error(sdk, _in_stream(**body), provider="openai", url=URL, key=None)
    assert (error.kind, error.status, error.retryable) == (kind, status, retryable)


def test_what_the_http_client_raises_itself_in_the_middle_of_a_stream_is_told_apart() -> None:
    def kind(error: Exception) -> str:
        return as_provider_error(sdk, error, provider="openai", url=URL, key=None).kind

    assert kind(httpx2.ReadError("gone")) == "connection"
    assert kind(httpx2.RemoteProtocolError("half a chunk")) == "connection"
    assert kind(httpx2.ReadTimeout("late")) == "timeout"
    assert kind(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")) == "protocol"


def test_when_to_ask_again_is_read_from_the_headers() -> None:
    response = httpx2.Response(429, request=REQUEST, headers={"Retry-After-Ms": "1500"})
    limit = sdk.RateLimitError("slow down", response=response, body=None)
    error = as_provider_error(sdk, limit, provider="groq", url=URL, key=None)
    assert (error.provider, error.retry_after_ns) == ("groq", 1_500_000_000)
