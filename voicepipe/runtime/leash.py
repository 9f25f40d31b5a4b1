"""Awaiting code that may not let itself be cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from functools import partial
from typing import Any

_left_behind: list[Any] = []
"""What can't even be closed is kept as long as the process, or Python would try again, and complain."""


class Leash:
    """To be awaited in place of ``work``, once.

    A task that awaits a coroutine which catches its cancellation and goes on can't be ended, and whoever
    closes the event loop waits for it. With a leash it can: after ``let_go`` the next cancellation closes
    ``work``, as Python does with a coroutine that nobody holds any more, and ends the task in any case.
    """

    def __init__(self, work: Awaitable[Any]) -> None:
        self._work = work
        self._let_go = False

    def let_go(self) -> None:
        """From now on ``work`` isn't asked any more. Cancel the task that awaits it."""
        self._let_go = True

    def __await__(self) -> Generator[Any, Any, Any]:
        # What "yield from" does (PEP 380), but for what happens to an exception that is thrown in.
        steps = self._work.__await__()
        step = partial(next, steps)
        while True:
            try:
                awaited = step()
            except StopIteration as end:
                return end.value
            try:
                yield awaited
                step = partial(next, steps)
            except BaseException as error:
                if self._let_go:
                    _leave(steps)
                    raise
                step = partial(_throw, steps, error)


def _leave(steps: Any) -> None:
    try:
        steps.close()
    except Exception:  # of code that was told twice to end; nobody waits for what it has to say
        _left_behind.append(steps)


def _throw(steps: Any, error: BaseException) -> Any:
    return steps.throw(error)
