"""Who is told what happens in a call, each of only the types of events that it reads.

An observer is whatever can be called with the session time in nanoseconds and an event. A turn has sixty of
them, and most observers read a few: one that is a ``ReadsByType`` is asked once for each type what to call.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

Observer = Callable[[int, Any], None]


class ReadsByType(ABC):
    """An observer of which a method, or a function of its own, is called for each type of event."""

    @abstractmethod
    def reader(self, kind: type[Any]) -> Observer | None:
        """What is to be called with events of type ``kind``; None: nothing."""

    def __call__(self, at_ns: int, event: Any) -> None:
        read = self.reader(type(event))
        if read is not None:
            read(at_ns, event)


class Observers:
    """Called in the order in which they were appended, each before the next event."""

    def __init__(self) -> None:
        self._all: list[Observer] = []
        self._finders: list[Callable[[type[Any]], Observer | None]] = []
        """What tells of each of them what to call with the events of a type."""
        self._readers: dict[type[Any], list[Observer]] = {}
        """Of the types that have come."""

    def __len__(self) -> int:
        return len(self._all)

    def append(self, observer: Observer) -> None:
        """From the next event on."""
        self._all.append(observer)
        self._ask_anew()

    def remove(self, observer: Observer) -> None:
        """From the next event on: one that is removed during an event is still called with that event.
        Raises ``ValueError`` for one that isn't there."""
        self._all.remove(observer)
        self._ask_anew()

    def __call__(self, at_ns: int, event: Any) -> None:
        try:
            readers = self._readers[type(event)]
        except KeyError:
            readers = self._find(type(event))
        for read in readers:
            read(at_ns, event)

    def _ask_anew(self) -> None:
        self._finders = [_finder(one) for one in self._all]
        self._readers.clear()

    def _find(self, kind: type[Any]) -> list[Observer]:
        found = [read for find in self._finders if (read := find(kind)) is not None]
        self._readers[kind] = found
        return found


def _finder(observer: Observer) -> Callable[[type[Any]], Observer | None]:
    return observer.reader if isinstance(observer, ReadsByType) else lambda kind: observer
