"""Who is told what happens in a call, each of only the types of events that it reads.

An observer is whatever can be called with the session time in nanoseconds and an event. One with an attribute
``reads``, a set of types, is called with events of these types alone; a subclass is another type. A turn has
sixty events, and most observers read a few of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

Observer = Callable[[int, Any], None]


class Observers:
    """Called in the order in which they were appended, each before the next event."""

    def __init__(self) -> None:
        self._all: list[Observer] = []
        self._of: dict[type[Any], tuple[Observer, ...]] = {}
        """Those who read events of a type, for the types that have come."""

    def __len__(self) -> int:
        return len(self._all)

    def append(self, observer: Observer) -> None:
        """From the next event on."""
        self._all.append(observer)
        self._of.clear()

    def remove(self, observer: Observer) -> None:
        """Raises ``ValueError`` for one that isn't there."""
        self._all.remove(observer)
        self._of.clear()

    def __call__(self, at_ns: int, event: Any) -> None:
        readers = self._of.get(type(event))
        if readers is None:
            readers = self._find(type(event))
        for observer in readers:
            observer(at_ns, event)

    def _find(self, kind: type[Any]) -> tuple[Observer, ...]:
        found = self._of[kind] = tuple(one for one in self._all if _reads(one, kind))
        return found


def _reads(observer: Observer, kind: type[Any]) -> bool:
    reads: Collection[type[Any]] | None = getattr(observer, "reads", None)
    return reads is None or kind in reads
