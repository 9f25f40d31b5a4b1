"""The end of a list that would grow for as long as a call lasts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from voicepipe.errors import UsageError

T = TypeVar("T")

KEPT_TURNS = 20
"""Turns that the report of a call on a server tells in full, and of its other lists as many: a lively caller
takes 12 a minute, and each holds some KiB."""


class Tail(list[T]):
    """The last ``most`` of what was added, all of it for None; ``left_out`` counts the others.

    Raises ``UsageError`` if ``most`` is less than one.
    """

    def __init__(self, most: int | None) -> None:
        if most is not None and most < 1:
            raise UsageError(
                f"a report can't keep its last {most} turns", hint="keep one or more, or None for all of them"
            )
        super().__init__()
        self._most = most
        self.left_out = 0

    def add(self, one: T, over: Callable[[T], bool] = lambda one: True) -> list[T]:
        """At the end; what falls out for it, if anything does.

        The first that isn't ``over`` stays, and so does all behind it: somebody will ask for it again.
        """
        self.append(one)
        left: list[T] = []
        while self._most is not None and len(self) > self._most and over(self[0]):
            left.append(self.pop(0))
        self.left_out += len(left)
        return left
