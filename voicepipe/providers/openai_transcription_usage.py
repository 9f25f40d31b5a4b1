"""What OpenAI bills a transcription by: the length of the audio, or tokens.

https://platform.openai.com/docs/api-reference/audio/transcript-text-done-event (``usage``).
"""

from __future__ import annotations

from typing import Any

from voicepipe.core.calls import Call


class TranscriptionTally:
    """Puts what a request consumed on its ``Call``: as the server reports it, or else what was sent."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._reported = False
        self.sent_ms = 0.0
        """Of audio that the server got, as far as it is known."""

    def report(self, usage: Any) -> None:
        """The ``usage`` object (of the package, or JSON); None if there is none. Odd ones count as none."""
        match _get(usage, "type"):
            case "duration":
                seconds = _get(usage, "seconds")
                if _is_number(seconds):
                    self._call.set_usage("audio_in_ms", round(seconds * 1000))
                    self._reported = True
            case "tokens":
                heard, said = _get(usage, "input_tokens"), _get(usage, "output_tokens")
                if _is_number(heard) and _is_number(said):
                    text = _get(_get(usage, "input_token_details"), "text_tokens")
                    text = int(text) if _is_number(text) else 0
                    self._call.set_usage("audio_tokens_in", max(0, int(heard) - text))
                    if text:
                        self._call.set_usage("tokens_in", text)
                    self._call.set_usage("tokens_out", int(said))
                    self._reported = True

    def close(self) -> None:
        if self.sent_ms and not self._reported:
            self._call.set_usage("audio_in_ms", round(self.sent_ms), estimated=True)


def _get(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, dict) else getattr(thing, name, None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
