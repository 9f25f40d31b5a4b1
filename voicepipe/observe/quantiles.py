"""Sums and percentiles of what was measured in the last so many minutes, in bounded memory.

The window is cut into ``SLICES``; with each that begins, the oldest one is forgotten. So what is seen reaches
back between ``window`` less one slice and ``window``.

A percentile is read from a histogram whose bins grow by a constant factor, as in "DDSketch: a fast and
fully-mergeable quantile sketch with relative-error guarantees" (Masson, Rim, Lee; PVLDB 12, 2019, section 2):
every value of a bin is within ``PRECISION`` of the bin's middle, so that is the error of any percentile, too.
"""

from __future__ import annotations

import math
from collections import deque

from voicepipe.core.units import MS, SECOND

SLICES = 15

PRECISION = 0.01
"""Of a percentile, relative to the true one."""

SHORTEST, LONGEST = MS, 3600 * SECOND
"""Durations beyond are counted as these."""

_GROWTH = (1 + PRECISION) / (1 - PRECISION)
_LOG_GROWTH = math.log(_GROWTH)

BINS = math.ceil(math.log(LONGEST / SHORTEST) / _LOG_GROWTH) + 1
"""The most that one histogram holds: 756."""


def _bin(value_ns: int) -> int:
    """The bin ``i`` has the values above ``SHORTEST * _GROWTH ** (i - 1)``, up to ``… ** i``."""
    value = min(max(value_ns, SHORTEST), LONGEST)
    return math.ceil(math.log(value / SHORTEST) / _LOG_GROWTH)


def _middle(index: int) -> int:
    """As far from the bin's smallest value as from its largest, relative to them."""
    return round(2 * SHORTEST * _GROWTH**index / (_GROWTH + 1))


class RollingSums:
    """Sums by key over the last ``window_ns``; ``now_ns`` is the time of any clock that doesn't go back."""

    def __init__(self, window_ns: int) -> None:
        self._width = window_ns // SLICES
        self._slices: deque[tuple[int, dict[int, int]]] = deque()
        self.totals: dict[int, int] = {}
        """As of the last ``add`` or ``forget``; nothing that is 0."""
        self.sum = 0
        """Of all totals."""

    def add(self, now_ns: int, key: int, amount: int = 1) -> None:
        self.forget(now_ns)
        number = now_ns // self._width
        if not self._slices or self._slices[-1][0] < number:
            self._slices.append((number, {}))
        sums = self._slices[-1][1]
        sums[key] = sums.get(key, 0) + amount
        self.totals[key] = self.totals.get(key, 0) + amount
        self.sum += amount

    def forget(self, now_ns: int) -> None:
        """What lies before the window."""
        oldest = now_ns // self._width - SLICES + 1
        while self._slices and self._slices[0][0] < oldest:
            for key, amount in self._slices.popleft()[1].items():
                self.totals[key] -= amount
                self.sum -= amount
                if not self.totals[key]:
                    del self.totals[key]


class RollingDurations:
    """Durations of the last ``window_ns``: how many, and their percentiles."""

    def __init__(self, window_ns: int) -> None:
        self._bins = RollingSums(window_ns)

    def add(self, now_ns: int, duration_ns: int) -> None:
        self._bins.add(now_ns, _bin(duration_ns))

    def forget(self, now_ns: int) -> None:
        """What lies before the window."""
        self._bins.forget(now_ns)

    @property
    def count(self) -> int:
        return self._bins.sum

    def percentile(self, percent: int) -> int:
        """The nearest rank, within ``PRECISION``; for what lies beyond ``SHORTEST`` or ``LONGEST``, those.

        Raises ``ValueError`` if nothing was measured.
        """
        rank = max(1, math.ceil(self.count * percent / 100))
        for index, amount in sorted(self._bins.totals.items()):
            rank -= amount
            if rank <= 0:
                return _middle(index)
        raise ValueError("nothing was measured in the window")
