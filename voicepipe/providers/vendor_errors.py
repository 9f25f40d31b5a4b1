"""What a vendor's server refuses or breaks off, in our terms, and when to ask again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError

_LONGEST_REASON = 300
"""Characters of the server's own words that are passed on."""

_LONGEST_WAIT = 1e9
"""Seconds, or milliseconds: what is more than that is no number of either."""


def bad_answer(provider: str, message: str) -> ProviderError:
    return ProviderError(message, provider=provider, kind="protocol", retryable=True)


def broken_off(provider: str, message: str) -> ProviderError:
    return ProviderError(message, provider=provider, kind="connection", retryable=True)


def too_late(provider: str, message: str) -> ProviderError:
    return ProviderError(message, provider=provider, kind="timeout", retryable=True)


def failed(provider: str, message: str) -> ProviderError:
    return ProviderError(message, provider=provider, kind="server", retryable=True)


def not_started(provider: str) -> ProviderError:
    return ProviderError("used before start() or after close()", provider=provider, kind="internal")


def one_line(reason: str, key: str | None) -> str:
    """The server's own words on one line, cut to what a log can bear, without the key that it may repeat."""
    text = " ".join(reason.split())
    return (text.replace(key, "***") if key else text)[:_LONGEST_REASON]


def refused(
    provider: str,
    status: int,
    reason: str,
    *,
    headers: Mapping[str, str] | None = None,
    spent: bool = False,
) -> ProviderError:
    """An answer with an HTTP status of 400 or above. ``reason`` is what ``one_line`` gave.

    ``headers`` (of any case-insensitive mapping) may say when to ask again. ``spent``: there is no credit
    left, so that asking again is of no use.
    """
    after = retry_after_ns(headers or {})
    if status in (401, 403):
        # What is said of a refused key may hold parts of it. With 403 the key is known, and may not do this.
        message = (
            "the server refused the key" if status == 401 else f"the server doesn't allow this: {reason}"
        )
        return ProviderError(message, provider=provider, kind="authentication", status=status)
    if status == 429 or spent:
        return ProviderError(
            f"too many requests: {reason}" if status == 429 else reason,
            provider=provider,
            kind="rate_limit",
            retryable=not spent,
            status=status,
            retry_after_ns=None if spent else after,
            hint="the account's credit is used up" if spent else None,
        )
    if status == 408:
        return ProviderError(
            reason, provider=provider, kind="timeout", retryable=True, status=status, retry_after_ns=after
        )
    if status >= 500 or status == 409:
        return ProviderError(
            f"the server failed ({status}): {reason}",
            provider=provider,
            kind="server",
            retryable=True,
            status=status,
            retry_after_ns=after,
        )
    return ProviderError(
        f"the server refused the request ({status}): {reason}",
        provider=provider,
        kind="bad_request",
        status=status,
    )


def retry_after_ns(headers: Mapping[str, str]) -> int | None:
    """How long the server asks to wait, in nanoseconds; None if it doesn't say, or nothing readable.

    ``retry-after-ms`` (milliseconds; OpenAI's and Azure's, in no RFC), or ``retry-after`` (RFC 9110, 10.2.3:
    seconds, or a date). A date is compared with the server's own ``date``, since its clock and ours
    may differ.
    """
    if (milliseconds := _positive(headers.get("retry-after-ms"))) is not None:
        return round(milliseconds * MS)
    value = headers.get("retry-after")
    if (seconds := _positive(value)) is not None:
        return round(seconds * SECOND)
    then = _date(value)
    if then is None:
        return None
    now = _date(headers.get("date")) or datetime.now(UTC)
    return max(round((then - now).total_seconds() * SECOND), 0)


def _positive(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < _LONGEST_WAIT else None


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
