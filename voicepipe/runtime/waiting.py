"""Which provider's answer a session waits for, and so who is to blame for silence."""

from __future__ import annotations

from typing import Protocol

ORDER = ("stt", "llm", "realtime", "tts")
"""The way of a reply. Of two that are waited for, what is heard next depends on the later one."""


class Waited(Protocol):
    """A call of a provider."""

    @property
    def slot(self) -> str: ...

    @property
    def turn(self) -> int | None: ...

    @property
    def waited_for(self) -> bool:
        """Whether its provider, and not its reader or its input, is what it waits for."""
        ...

    def blame(self, why: str) -> None:
        """Its provider has failed, although it gives something now and then."""
        ...


class CallsUnderWay:
    """Of one session."""

    def __init__(self) -> None:
        self._calls: dict[Waited, None] = {}

    def enter(self, call: Waited) -> None:
        self._calls[call] = None

    def leave(self, call: Waited) -> None:
        self._calls.pop(call, None)

    def waited_for(self, turn: int | None) -> str | None:
        """The slot; None if no provider is waited for on behalf of ``turn``."""
        found = self._find(turn)
        return None if found is None else found.slot

    def blame(self, turn: int | None, why: str) -> None:
        """Whoever is waited for has failed, as far as the caller can tell."""
        found = self._find(turn)
        if found is not None:
            found.blame(why)

    def _find(self, turn: int | None) -> Waited | None:
        waited = [
            call for call in self._calls if call.turn == turn and call.slot in ORDER and call.waited_for
        ]
        return max(waited, key=lambda call: ORDER.index(call.slot), default=None)
