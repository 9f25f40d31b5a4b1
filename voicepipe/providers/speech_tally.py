"""What a vendor bills for one call of a voice, which may take several requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from voicepipe.core.calls import Call

BYTES_A_TOKEN = 4
"""Of English text; a rule of thumb of OpenAI's: https://help.openai.com/en/articles/4936856."""

TOKENS_A_SECOND = 20
"""Of spoken audio. gpt-4o-mini-tts is priced at 12 USD a million tokens, and "about 0.015 USD a minute"."""


@dataclass(slots=True)
class Asked:
    """One request. ``billed``: None until the server has answered, and then whether it charges for it."""

    text: str
    billed: bool | None = None
    samples: int = 0
    """What has come of the audio."""
    reported: tuple[int, int] | None = None
    """Tokens of the text, tokens of the audio."""

    def report(self, usage: Any) -> None:
        """``usage`` as OpenAI's ``speech.audio.done`` has it; what isn't of its shape is passed over."""
        if isinstance(usage, dict):
            sent, spoken = usage.get("input_tokens"), usage.get("output_tokens")
            if type(sent) is int and type(spoken) is int and sent >= 0 and spoken >= 0:
                self.reported = (sent, spoken)


class SpeechTally:
    """``ask`` before each request, ``close`` when the call is over, which puts all of it on the call.

    Characters are billed as they are sent. Tokens are reported at the end of a request; of one that doesn't
    come to its end they are estimated from what was sent and received.
    """

    def __init__(self, call: Call, *, by_tokens: bool, rate: int, instructions: str = "") -> None:
        self._call = call
        self._by_tokens = by_tokens
        self._rate = rate
        self._instructions = instructions
        """Sent along with each text, and billed if tokens are."""
        self._all: list[Asked] = []

    def ask(self, text: str) -> Asked:
        asked = Asked(text)
        self._all.append(asked)
        return asked

    def close(self) -> None:
        billed = [asked for asked in self._all if asked.billed is not False]
        self._all = []
        if not billed:
            return
        add = self._call.add_usage
        if not self._by_tokens:
            unsure = any(asked.billed is None for asked in billed)
            add("characters", sum(len(asked.text) for asked in billed), estimated=unsure)
            return
        unsure = any(asked.reported is None for asked in billed)
        tokens = [asked.reported or self._estimated(asked) for asked in billed]
        add("tokens_in", sum(sent for sent, _ in tokens), estimated=unsure)
        add("audio_tokens_out", sum(spoken for _, spoken in tokens), estimated=unsure)

    def _estimated(self, asked: Asked) -> tuple[int, int]:
        sent = len((self._instructions + asked.text).encode())
        return -(-sent // BYTES_A_TOKEN), -(-asked.samples * TOKENS_A_SECOND // self._rate)
