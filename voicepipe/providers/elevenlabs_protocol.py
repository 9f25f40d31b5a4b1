"""What ElevenLabs' text-to-speech WebSocket with several contexts is told, and what it answers.

Protocol: https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input,
https://elevenlabs.io/docs/eleven-api/guides/how-to/websockets/multi-context-web-socket and, for what can go
wrong, https://elevenlabs.io/docs/eleven-api/resources/errors. A context is what we ask for one chunk: its
text, a flush, and its end, all at once; then comes its audio, and ``isFinal``, after which the connection is
free.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

from voicepipe.errors import ProviderError
from voicepipe.providers import vendor_errors as vendor
from voicepipe.providers.web_socket import WebSockets
from voicepipe.speech.character_times import CharacterTime

NAME = "elevenlabs"

PIECE = 500
"""Characters that are asked for at once; accounts without a plan may ask for 2500."""

_STATUS_OF = {
    "invalid_api_key": 401,
    "missing_api_key": 401,
    "needs_authorization": 401,
    "unauthorized": 401,
    "authentication_error": 401,
    "missing_permissions": 403,
    "detected_unusual_activity": 403,
    "quota_exceeded": 402,
    "insufficient_credits": 402,
    "payment_required": 402,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "concurrent_limit_exceeded": 429,
    "too_many_concurrent_requests": 429,
    "max_active_conversations": 429,
    "system_busy": 429,
    "voice_not_found": 404,
    "voice_id_does_not_exist": 404,
    "model_not_found": 404,
    "invalid_parameters": 400,
    "validation_error": 400,
    "text_too_long": 400,
    "max_character_limit_exceeded": 400,
    "input_timeout_exceeded": 408,
}
"""Names of errors, and the HTTP status that each has, or would have had before the connection was made."""

_PHRASES = {
    "quota": 402,
    "api key": 401,
    "unusual activity": 403,
    "maximum simultaneous": 429,
    "concurrent": 429,
    "timeout of": 408,
}
"""The reason of a close frame is a sentence that names nothing."""


def request(context: str, text: str, voice_settings: Mapping[str, Any]) -> list[str]:
    """The messages that ask for all of ``text``, which is to end with a space."""
    opening: dict[str, Any] = {"text": " ", "context_id": context}
    if voice_settings:
        opening["voice_settings"] = dict(voice_settings)
    said = {"text": f"{text.rstrip()} ", "context_id": context, "flush": True}
    return [json.dumps(part) for part in (opening, said, {"context_id": context, "close_context": True})]


def parsed(message: str | bytes) -> dict[str, Any]:
    try:
        answer = json.loads(message)
    except (ValueError, RecursionError):
        raise vendor.bad_answer(NAME, "a message of the server isn't JSON") from None
    if not isinstance(answer, dict):
        raise vendor.bad_answer(NAME, "a message of the server isn't an object")
    return answer


def audio_of(answer: Mapping[str, Any]) -> bytes:
    """Decoded, possibly none."""
    audio = answer.get("audio")
    if audio is None:
        return b""
    try:
        return base64.b64decode(audio, validate=True)
    except (TypeError, ValueError):
        raise vendor.bad_answer(NAME, "the audio of a message isn't base64") from None


def times_of(answer: Mapping[str, Any], offset_ms: float) -> list[CharacterTime]:
    """The characters of the text as it was sent; their times count from the first sample of the message.

    None if the server tells none, or nothing that can be read: speech without times is better than silence.
    """
    found = answer.get("alignment")
    if not isinstance(found, dict):
        return []
    columns = [found.get(name) for name in ("chars", "charStartTimesMs", "charDurationsMs")]
    if not all(isinstance(column, list) and len(column) == len(columns[0] or ()) for column in columns):
        return []
    rows = list(zip(*columns, strict=True))
    if not all(
        isinstance(text, str) and _is_time(start) and _is_time(length) for text, start, length in rows
    ):
        return []
    return [(text, offset_ms + start, offset_ms + start + length) for text, start, length in rows]


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0


class ElevenSockets(WebSockets):
    """Connections whose failures are told by names in JSON, or by sentences."""

    most_waiting = 2048
    """Playing takes longer than speaking. `PIECE` is 35 s of speech, and messages are hardly below 20 ms."""

    def error(self, error: Exception) -> ProviderError:
        package = self._package
        if isinstance(error, package.InvalidStatus) and error.response.status_code >= 400:
            try:
                details = json.loads(error.response.body or b"")
            except ValueError:
                details = None
            if isinstance(details, dict):
                status = error.response.status_code
                return self.refusal(details, status=status, headers=error.response.headers)
        elif isinstance(error, package.ConnectionClosed) and error.rcvd and error.rcvd.code >= 1008:
            return self.refusal({"message": error.rcvd.reason}, closed=error.rcvd.code)
        return super().error(error)

    def refusal(
        self,
        answer: Mapping[str, Any],
        *,
        status: int | None = None,
        closed: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ProviderError:
        """What ``answer`` refuses: the body of an HTTP answer, or a message. ``closed``: the close code."""
        details = answer.get("detail")
        if not isinstance(details, dict):
            details = answer
        message = details.get("message") or details.get("detail")
        reason = self.told(message if isinstance(message, str) else "it doesn't say why")
        names = [details.get(name) for name in ("code", "status", "error", "type")]
        known = [_STATUS_OF[name] for name in names if isinstance(name, str) and name in _STATUS_OF]
        known += [found for phrase, found in _PHRASES.items() if phrase in reason.lower()]
        meant = known[0] if known else status
        if meant is None:
            failure = vendor.failed(NAME, f"the server broke off: {reason}")
        else:
            failure = vendor.refused(NAME, meant, reason, headers=headers, spent=meant == 402)
        failure.status = closed or status or failure.status
        return failure
