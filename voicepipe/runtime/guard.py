"""The wrapper around every provider call: deadlines, cancellation that reaches the provider, accounting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Generic, TypeVar

from voicepipe.core.calls import Call
from voicepipe.core.records import AttemptStatus, ProviderAttempt, Record, Usage
from voicepipe.core.units import MS, format_duration
from voicepipe.errors import ProviderError
from voicepipe.stages.base import Deadlines

E = TypeVar("E")

CLOSE_WITHIN = 250 * MS
"""How long a provider that is too late may take to clean up. Somebody waits for the next one to begin."""


class Guard(Generic[E]):
    """One attempt: ``async with Guard(…) as events: async for event in events``.

    Deadlines count only the provider's own time: neither while its events are worked on, nor while it
    waits for input (``disarm``). Whatever happens, the generator is closed, and one ``ProviderAttempt``
    with all usage is recorded.
    """

    def __init__(
        self,
        begin: Callable[[Call], AsyncIterator[E]],
        call: Call,
        *,
        slot: str,
        provider: str,
        model: str | None,
        deadlines: Deadlines,
        armed: bool,
        record: Callable[[Record], None],
        on_began: Callable[[int, int], None] = lambda asked_ns, at_ns: None,
        number: int = 1,
        probe: bool = False,
    ) -> None:
        self.call = call
        self._events = begin(call)
        self._slot = slot
        self._provider = provider
        self._model = model
        self._deadlines = deadlines
        self._record = record
        self._on_began = on_began
        self._number = number
        self._probe = probe
        self._began = call.clock.now()
        self._first: int | None = None
        self._failure: Exception | None = None
        self._armed = armed
        self._waiting: asyncio.Task[object] | None = None
        """Who waits for an event."""
        self._cancelled = 0
        """How often that task was cancelled here, because of a deadline."""
        self._busy_since: int | None = None
        """Since when the provider alone is waited for."""
        self._busy = 0
        """How long that was until then."""
        self._watch: asyncio.TimerHandle | None = None
        self._watch_at = 0

    async def __aenter__(self) -> Guard[E]:
        return self

    def __aiter__(self) -> Guard[E]:
        return self

    async def __anext__(self) -> E:
        # What asyncio.timeout does, without an object for each event: there are fifty a second.
        task = asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"
        others, self._waiting = task.cancelling(), task
        try:
            if self._armed:
                self._start()
            event = await anext(self._events)
        except StopAsyncIteration:
            raise
        except asyncio.CancelledError:
            if not self._cancelled or self._withdraw(task) > others:
                raise
            self._failure = self._too_late()
            raise self._failure from None
        except TimeoutError as error:  # of its own, or what it made of the cancellation
            self._failure = self._too_late() if self._cancelled else self._gave_up(error)
            raise self._failure from None
        except Exception as error:
            self._failure = error
            raise
        finally:
            self._stop()
            self._waiting = None
            if self._cancelled:  # and it has gone on all the same
                self._withdraw(task)
        if self._first is None:
            self._first = self.call.clock.now()
            self._on_began(self._began, self._first)
        return event

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
        try:
            close = getattr(self._events, "aclose", None)
            if close is not None:
                await close()
        finally:
            self._account(cut_off=error is not None)

    @property
    def busy(self) -> bool:
        """Whether the provider alone is waited for."""
        return self._busy_since is not None

    @property
    def busy_ns(self) -> int:
        """How long the provider alone was waited for, up to the last event."""
        return self._busy

    # ── deadlines ────────────────────────────────────────────────────────────────────────────────

    def arm(self) -> None:
        """It is the provider's turn to work. Cheap enough for each frame of audio."""
        self._armed = True
        if self._waiting is not None:
            self._start()

    def disarm(self) -> None:
        """The provider waits for its input."""
        self._armed = False
        self._stop()

    def _start(self) -> None:
        if self._busy_since is None:
            self._busy_since = self.call.clock.now()
            due = self._busy_since + self._limit()[0]
            # A timer for each frame would cost more than the frame: one that rings before looks again.
            if self._watch is None or self._watch_at > due:
                self._watch_until(due)

    def _stop(self) -> None:
        if self._busy_since is not None:
            self._busy += self.call.clock.now() - self._busy_since
            self._busy_since = None

    def _look(self) -> None:
        self._watch = None
        if self._busy_since is None or self._waiting is None:
            return
        due = self._busy_since + self._limit()[0]
        if self.call.clock.now() < due:
            self._watch_until(due)
        else:
            self._cancel(self._waiting)
            self._watch = self.call.clock.call_at(self.call.clock.now() + CLOSE_WITHIN, self._insist)

    def _cancel(self, task: asyncio.Task[object]) -> None:
        self._cancelled += 1
        task.cancel()

    def _insist(self) -> None:
        """What doesn't let itself be cancelled is cancelled once more."""
        self._watch = None
        if self._waiting is not None:
            self._cancel(self._waiting)

    def _withdraw(self, task: asyncio.Task[object]) -> int:
        """Take back what was cancelled here. How often somebody else has cancelled ``task``."""
        for _ in range(self._cancelled):
            task.uncancel()
        self._cancelled = 0
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        return task.cancelling()

    def _watch_until(self, due: int) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self.call.clock.call_at(due, self._look)
        self._watch_at = due

    def _limit(self) -> tuple[int, str]:
        """How long the provider may be busy this time, in nanoseconds, and in words."""
        deadlines = self._deadlines
        step, name = (deadlines.first, "first") if self._first is None else (deadlines.gap, "gap")
        left = deadlines.total - self._busy
        return (step, name) if step <= left else (left, "total")

    def _too_late(self) -> ProviderError:
        name = self._limit()[1]
        what = {"first": "no answer", "gap": "the answer stopped", "total": "the answer didn't end"}[name]
        return ProviderError(
            f"{what} within {format_duration(getattr(self._deadlines, name))}",
            provider=self._provider,
            kind="timeout",
            retryable=True,
            hint=f"raise stages.{self._slot}.timeout.{name} if it needs longer",
        )

    def _gave_up(self, error: TimeoutError) -> ProviderError:
        return ProviderError(
            str(error) or "it gave up waiting", provider=self._provider, kind="timeout", retryable=True
        )

    # ── accounting ───────────────────────────────────────────────────────────────────────────────

    def _account(self, *, cut_off: bool) -> None:
        status: AttemptStatus = "cancelled" if cut_off else "ok"
        if self._failure is not None:
            status = "failed"
        call = self.call
        self._record(
            ProviderAttempt(
                at_ns=call.clock.now(),
                turn=call.turn,
                slot=self._slot,
                provider=self._provider,
                began_ns=self._began,
                first_event_ns=self._first,
                status=status,
                error=None if self._failure is None else str(self._failure),
                number=self._number,
                probe=self._probe,
                busy_ns=self._busy,
                model=call.model or self._model,
                usage=tuple(
                    Usage(unit=unit, amount=amount, estimated=estimated)
                    for (unit, estimated), amount in call.usage.items()
                ),
            )
        )
