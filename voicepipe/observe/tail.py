"""The end of a list that would grow for as long as a call lasts."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")

KEPT_TURNS = 20
"""Turns that the report of a call on a server tells in full, and of its other lists as many: a lively caller
takes 12 a minute, and each holds some KiB."""


class Tail(list[T]):
    """The last ``most`` of what was added, all of it for None; ``left_out`` counts the others."""

    def __init__(self, most: int | None) -> None:
        super().__init__()
        self._most = most
        self.left_out = 0

    def add(self, one: T) -> T | None:
        """At the end; what falls out for it, if anything does."""
        self.append(one)
        if self._most is None or len(self) <= self._most:
            return None
        self.left_out += 1
        return self.pop(0)
