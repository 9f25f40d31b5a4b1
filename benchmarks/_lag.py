"""How late an event loop is for somebody who has nothing to do with what keeps it busy."""

from __future__ import annotations

from random import Random

from voicepipe.core.clock import Clock
from voicepipe.core.units import MS

EVERY = 5 * MS
"""On average. The times are random (a Poisson process), so that they fall into each state of the loop as
often as it is in that state: the lags are what anything that comes from outside has to wait."""


class LoopLag:
    """A timer that does nothing but note how late it rings: until all that came before it had been done.

    The times are fixed beforehand. While the loop is stuck they come due all the same, and each of them was
    late by what was left of it: one stall doesn't count as one late timer. They begin ``after_ns`` from now.
    """

    def __init__(self, clock: Clock, seed: int, *, after_ns: int = 0) -> None:
        self.late_ns: list[int] = []
        self._clock = clock
        self._chance = Random(seed)
        self._due = clock.now() + after_ns
        self._timer = clock.call_at(self._due, self._ring)

    def stop(self) -> None:
        self._timer.cancel()

    def _ring(self) -> None:
        now = self._clock.now()
        while self._due <= now:
            self.late_ns.append(now - self._due)
            self._due += round(self._chance.expovariate(1 / EVERY))
        self._timer = self._clock.call_at(self._due, self._ring)
