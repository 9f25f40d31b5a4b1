"""What a Realtime session consumes: as the server reports it, or estimated where a reply was cut off.

https://developers.openai.com/api/docs/guides/realtime-costs: a token is 100 ms of the caller's audio or 50 ms
of the model's, and the whole conversation is billed again with each reply.
"""

from __future__ import annotations

from typing import Any

from voicepipe.core.calls import Call
from voicepipe.core.records import UsageUnit
from voicepipe.providers.openai_realtime_events import table_in

CALLER_MS_PER_TOKEN = 100
MODEL_MS_PER_TOKEN = 50
CHARACTERS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English."""


class Context:
    """Tokens of the conversation as it stands: what the last report said, and what has come since."""

    def __init__(self) -> None:
        self.text = 0.0
        self.audio = 0.0

    def heard(self, ms: float) -> None:
        self.audio += ms / CALLER_MS_PER_TOKEN

    def wrote(self, characters: int) -> None:
        self.text += characters / CHARACTERS_PER_TOKEN


class Tally:
    """Puts the usage of one reply on its call."""

    def __init__(self, call: Call, context: Context, *, with_context: bool, asked: int) -> None:
        """``with_context``: the reply looks at the conversation. ``asked``: characters sent for it alone."""
        self._call = call
        self._context = context
        self._with_context = with_context
        self._asked = asked
        self._reported = False
        self.billed = False
        """The server was asked, and has not refused."""
        self.characters = 0
        self.audio_ms = 0.0

    def report(self, usage: dict[str, Any]) -> None:
        """The ``usage`` of ``response.done``; nothing happens where the server gives none."""
        came, went = table_in(usage, "input_token_details"), table_in(usage, "output_token_details")
        cached = table_in(came, "cached_tokens_details")
        amounts: dict[UsageUnit, int] = {
            "tokens_in": _amount(came, "text_tokens") if came else _amount(usage, "input_tokens"),
            "tokens_in_cached": _amount(cached, "text_tokens"),
            "tokens_out": _amount(went, "text_tokens") if went else _amount(usage, "output_tokens"),
            "audio_tokens_in": _amount(came, "audio_tokens"),
            "audio_tokens_in_cached": _amount(cached, "audio_tokens"),
            "audio_tokens_out": _amount(went, "audio_tokens"),
        }
        self._reported = bool(usage)
        for unit, amount in amounts.items():
            if amount:
                self._call.set_usage(unit, amount)
        if self._with_context and self._reported:
            self._context.text = float(amounts["tokens_in"] + amounts["tokens_out"])
            self._context.audio = float(amounts["audio_tokens_in"] + amounts["audio_tokens_out"])

    def close(self) -> None:
        """Estimate what was never reported."""
        if self._reported or not self.billed:
            return
        text_in, audio_in = self._asked / CHARACTERS_PER_TOKEN, 0.0
        if self._with_context:
            text_in, audio_in = text_in + self._context.text, self._context.audio
        estimates: dict[UsageUnit, float] = {
            "tokens_in": text_in,
            "tokens_out": self.characters / CHARACTERS_PER_TOKEN,
            "audio_tokens_in": audio_in,
            "audio_tokens_out": self.audio_ms / MODEL_MS_PER_TOKEN,
        }
        for unit, tokens in estimates.items():
            if tokens:
                self._call.set_usage(unit, max(round(tokens), 1), estimated=True)
        if self._with_context:
            self._context.wrote(self.characters)
            self._context.audio += self.audio_ms / MODEL_MS_PER_TOKEN


def report_transcript(call: Call, usage: dict[str, Any]) -> None:
    """Put what a transcript cost on ``call``, by duration or by tokens, in place of what was estimated."""
    seconds = usage.get("seconds")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds >= 0:
        call.set_usage("audio_in_ms", round(seconds * 1000))
        return
    if not _amount(usage, "input_tokens"):
        return
    call.usage.clear()
    details = table_in(usage, "input_token_details")
    audio = _amount(details, "audio_tokens") if details else _amount(usage, "input_tokens")
    call.set_usage("audio_tokens_in", audio)
    call.set_usage("tokens_in", _amount(details, "text_tokens"))
    call.set_usage("tokens_out", _amount(usage, "output_tokens"))


def _amount(table: dict[str, Any], name: str) -> int:
    value = table.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
