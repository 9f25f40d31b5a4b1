"""What can go wrong between us and a Chat Completions server, in our terms."""

from __future__ import annotations

from typing import Any

from voicepipe.errors import ProviderError

PROVIDER = "openai"

_LONGEST_REASON = 300
"""Characters of the server's own words that are passed on."""


def bad_answer(message: str) -> ProviderError:
    return ProviderError(message, provider=PROVIDER, kind="protocol", retryable=True)


def broken_off(message: str) -> ProviderError:
    return ProviderError(message, provider=PROVIDER, kind="connection", retryable=True)


def as_provider_error(sdk: Any, error: Exception, *, url: str, key: str | None) -> ProviderError:
    """What went wrong, in our terms. The key is never part of it, not even where the server repeats it."""
    if isinstance(error, sdk.APITimeoutError):
        return ProviderError(
            f"{url} did not answer in time", provider=PROVIDER, kind="timeout", retryable=True
        )
    if isinstance(error, sdk.APIConnectionError):
        return broken_off(f"the connection to {url} failed")
    if isinstance(error, sdk.APIStatusError):
        return _refused(error.status_code, _reason(error, key), code=error.code)
    if isinstance(error, sdk.APIError):
        return bad_answer(f"the server broke the answer off: {_reason(error, key)}")
    return bad_answer(f"the answer can't be read: {type(error).__name__}")


def _reason(error: Any, key: str | None) -> str:
    """The server's own words, on one line."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    text = " ".join((message if isinstance(message, str) else error.message).split())
    if key:
        text = text.replace(key, "***")
    return text[:_LONGEST_REASON]


def _refused(status: int, reason: str, *, code: str | None) -> ProviderError:
    if status in (401, 403):
        return ProviderError(
            "the server refused the key", provider=PROVIDER, kind="authentication", status=status
        )
    if status == 429:
        spent = code == "insufficient_quota"
        return ProviderError(
            f"too many requests: {reason}",
            provider=PROVIDER,
            kind="rate_limit",
            retryable=not spent,
            status=status,
            hint="the account's credit is used up" if spent else None,
        )
    if status == 408:
        return ProviderError(reason, provider=PROVIDER, kind="timeout", retryable=True, status=status)
    if status >= 500 or status == 409:
        return ProviderError(
            f"the server failed ({status}): {reason}",
            provider=PROVIDER,
            kind="server",
            retryable=True,
            status=status,
        )
    return ProviderError(
        f"the server refused the request ({status}): {reason}",
        provider=PROVIDER,
        kind="bad_request",
        status=status,
    )
