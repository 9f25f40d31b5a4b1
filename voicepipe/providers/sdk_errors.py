"""What the Python clients of OpenAI and Anthropic raise, in our terms.

Both are made by one generator, so their exceptions have the same names and bear the same things.
"""

from __future__ import annotations

import importlib
from typing import Any

from voicepipe.errors import ProviderError
from voicepipe.providers import vendor_errors as vendor

_STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "timeout_error": 504,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "overloaded_error": 529,
}
"""The status that an error would have had, had it come before the stream began and not within it.

https://platform.claude.com/docs/en/api/errors; OpenAI's use the same words where they use any."""

_NO_CREDIT = ("insufficient_quota", "billing_error", "spend_limit_reached", "billing_unavailable")
"""How the names end by which a vendor says that somebody has to pay first."""


def as_provider_error(
    sdk: Any, error: Exception, *, provider: str, url: str, key: str | None
) -> ProviderError:
    """What ``error`` means. The key is never part of it, not even where the server repeats it."""
    http: Any = importlib.import_module("httpx2")  # both clients need it; its errors come out of a stream
    if isinstance(error, (sdk.APITimeoutError, http.TimeoutException)):
        return vendor.too_late(provider, f"{url} did not answer in time")
    if isinstance(error, (sdk.APIConnectionError, http.HTTPError)):
        return vendor.broken_off(provider, f"the connection to {url} failed")
    if not isinstance(error, sdk.APIError):
        return vendor.bad_answer(provider, f"the answer can't be read: {type(error).__name__}")
    details = _details(error.body)
    message = details.get("message")
    reason = vendor.one_line(message if isinstance(message, str) else error.message, key)
    cause = details.get("details")
    told = (
        details.get("type"),
        details.get("code"),
        cause.get("error_code") if isinstance(cause, dict) else None,
    )
    names = {name for name in told if isinstance(name, str)}
    unpaid = any(name.endswith(_NO_CREDIT) for name in names)
    response = getattr(error, "response", None)
    status: int = getattr(error, "status_code", 200)
    if status < 400:  # it came as an event of a stream that had begun well
        known = [_STATUS_OF[name] for name in names if name in _STATUS_OF]
        code = details.get("code")  # OpenRouter's is the status itself
        known += [code] if isinstance(code, int) and 400 <= code < 600 else []
        known += [429] if unpaid else []
        if not known:
            return vendor.failed(provider, f"the server broke the answer off: {reason}")
        (status, response) = (known[0], None)
    return vendor.refused(
        provider,
        status,
        reason,
        headers=None if response is None else response.headers,
        spent=unpaid or status == 402,
    )


def _details(body: Any) -> dict[str, Any]:
    """The object with ``message``, ``type`` and ``code``; Anthropic's client has it inside another."""
    if not isinstance(body, dict):
        return {}
    inner = body.get("error")
    return inner if isinstance(inner, dict) else body
