"""What one answer of a language model consumed: as the server reports it, else estimated from characters."""

from __future__ import annotations

from typing import Any

from voicepipe.core.calls import Call
from voicepipe.core.records import UsageUnit

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English; used only where no usage was reported, and marked as an estimate."""

LONGEST_ANSWER = 400_000
"""Characters: more than the longest answer of any model, less than what hurts."""


class TokenTally:
    """Puts tokens on a ``Call``, each unit once, also when the answer was cut off before its report.

    Hidden reasoning isn't among the characters received, so that for a model which reasons the estimate
    is too low.
    """

    def __init__(self, call: Call, sent: int) -> None:
        """``sent``: the characters of the request."""
        self._call = call
        self._sent = sent
        self._reported: set[UsageUnit] = set()
        self.received = 0
        """Characters of text and of tool calls."""
        self.billed = True
        """False: the request was refused, or never arrived."""

    def report(self, unit: UsageUnit, tokens: Any) -> None:
        """The server's own figure, which replaces an earlier one; anything but a count is no report."""
        if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0:
            self._reported.add(unit)
            self._call.set_usage(unit, tokens)

    def close(self) -> None:
        """Estimate what wasn't reported."""
        if not self.billed:
            return
        characters_of: dict[UsageUnit, int] = {"tokens_in": self._sent, "tokens_out": self.received}
        for unit, characters in characters_of.items():
            if unit not in self._reported:
                self._call.set_usage(unit, -(-characters // CHARACTERS_PER_TOKEN), estimated=True)
