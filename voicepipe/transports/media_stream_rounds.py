"""Rounds in which all connections of an event loop hand over what has come.

A message by itself costs several turns of the loop, and a window of the VAD is judged alone. Callers aren't
in step: of 40 calls a message comes every half a millisecond. Handed over together they share those turns,
and their windows go through the network in one batch.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Callable
from weakref import WeakKeyDictionary

SPAN_S = 0.004
"""From one round to the next, and so the longest that a message waits: a fifth of what it lasts. Of 20 calls
a round has four messages. The first after a pause waits for nobody."""


class Rounds:
    """Those of one loop: see `rounds_of`. All is called in that loop."""

    def __init__(self) -> None:
        self._next = 0.0
        """The loop's time at which the next round may be."""
        self._waiting: list[Callable[[], None]] = []

    def alone(self) -> bool:
        """Whether somebody may hand over at once, since nobody has for a while. That was a round then."""
        now = get_running_loop().time()
        if now < self._next or self._waiting:
            return False
        self._next = now + SPAN_S
        return True

    def join(self, hand_over: Callable[[], None]) -> None:
        """``hand_over`` is called in the next round, once."""
        if not self._waiting:
            get_running_loop().call_at(self._next, self._hold)
        self._waiting.append(hand_over)

    def _hold(self) -> None:
        waiting, self._waiting = self._waiting, []
        loop = get_running_loop()
        self._next = loop.time() + SPAN_S
        for hand_over in waiting:
            try:
                hand_over()
            except Exception as error:  # as the loop does it: one that fails is told of, and others go on
                loop.call_exception_handler(
                    {"message": "a connection couldn't hand over what had come", "exception": error}
                )


_ROUNDS: WeakKeyDictionary[AbstractEventLoop, Rounds] = WeakKeyDictionary()
"""They know nothing of their loop, which else would never be let go."""


def rounds_of(loop: AbstractEventLoop) -> Rounds:
    """The same ones for everybody on ``loop``."""
    found = _ROUNDS.get(loop)
    if found is None:
        found = _ROUNDS[loop] = Rounds()
    return found
