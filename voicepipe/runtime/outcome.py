"""What running a function gave, wherever it ran, and what is made of its errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from voicepipe.core.units import format_duration

T = TypeVar("T")


class Outcome(Generic[T]):
    """What running ``fn`` gave: a value or an exception (with the traceback of where it was raised)."""

    __slots__ = ("_error", "_value")

    def __init__(self, fn: Callable[[], T]) -> None:
        self._error: Exception | None = None
        try:
            self._value = fn()
        except Exception as error:
            self._error = error
        except BaseException as error:
            # sys.exit() in somebody's tool must end the tool's call, not the process.
            self._error = RuntimeError(f"{type(error).__name__} was raised in a worker: {error}")
            self._error.__cause__ = error

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._value


def let_go_of_frames(error: BaseException) -> None:
    """Take the tracebacks from ``error`` and from what led to it, which is over and won't be raised again.

    They hold the local variables of whoever it passed through, and so itself again, and the audio and words
    that were worked on: until the garbage is collected, or for as long as the error is known.
    """
    left: list[BaseException] = [error]
    seen: set[int] = set()
    while left:
        one = left.pop()
        if id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            left += [other for other in (one.__cause__, one.__context__) if other is not None]
            left += getattr(one, "exceptions", ())  # of a group


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first of the exceptions that ended a task group; the others followed from it."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def too_late(deadline_ns: int | None) -> TimeoutError:
    return TimeoutError(f"no answer within {format_duration(deadline_ns or 0)}; the job was abandoned")
