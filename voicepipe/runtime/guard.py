"""The wrapper around every provider call: deadlines, cancellation that reaches the provider, accounting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Generic, TypeVar

from voicepipe.core.calls import Call
from voicepipe.core.records import AttemptStatus, ProviderAttempt, Record, Usage
from voicepipe.core.units import SECOND, format_duration
from voicepipe.errors import ProviderError
from voicepipe.stages.base import Deadlines

E = TypeVar("E")


class Guard(Generic[E]):
    """One attempt: ``async with Guard(…) as events: async for event in events``.

    Deadlines count only while the provider is waited for, not while its events are worked on. Whatever
    happens, the generator is closed and one ``ProviderAttempt`` and all usage are recorded.
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
        on_began: Callable[[int], None],
    ) -> None:
        self.call = call
        self._events = begin(call)
        self._slot = slot
        self._provider = provider
        self._model = model
        self._deadlines = deadlines
        self._armed = armed
        self._record = record
        self._on_began = on_began
        self._began = call.clock.now()
        self._first: int | None = None
        self._waited = 0
        self._timeout: asyncio.Timeout | None = None
        self._limit = ""

    async def __aenter__(self) -> Guard[E]:
        return self

    def arm(self) -> None:
        """Start the deadlines now."""
        self._armed = True
        if self._timeout is not None:
            self._timeout.reschedule(self._when())

    async def __aiter__(self) -> AsyncIterator[E]:
        clock = self.call.clock
        while True:
            asked = clock.now()
            try:
                async with asyncio.timeout_at(self._when() if self._armed else None) as self._timeout:
                    event = await anext(self._events)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if self._timeout is None or not self._timeout.expired():
                    raise
                raise ProviderError(
                    f"no answer within {self._limit}",
                    provider=self._provider,
                    kind="timeout",
                    retryable=True,
                    hint=f"raise stages.{self._slot}.timeout if it needs longer",
                ) from None
            finally:
                self._timeout = None
                self._waited += clock.now() - asked
            if self._first is None:
                self._first = clock.now()
                self._on_began(self._first)
            yield event

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            close = getattr(self._events, "aclose", None)
            if close is not None:
                await close()
        finally:
            self._account(error)

    def _when(self) -> float:
        """The loop time of whichever deadline comes first."""
        deadlines = self._deadlines
        step, name = (
            (deadlines.first, "for the first event")
            if self._first is None
            else (deadlines.gap, "between two")
        )
        left = deadlines.total - self._waited
        wait = min(step, left)
        self._limit = (
            f"{format_duration(step)} ({name})"
            if step <= left
            else f"{format_duration(deadlines.total)} in all"
        )
        return asyncio.get_running_loop().time() + max(0, wait) / SECOND

    def _account(self, error: BaseException | None) -> None:
        status: AttemptStatus = "ok"
        if isinstance(error, Exception):
            status = "failed"
        elif error is not None:
            status = "cancelled"
        call, now = self.call, self.call.clock.now()
        self._record(
            ProviderAttempt(
                at_ns=now,
                turn=call.turn,
                slot=self._slot,
                provider=self._provider,
                began_ns=self._began,
                first_event_ns=self._first,
                status=status,
                error=None if status != "failed" else str(error),
            )
        )
        for (unit, estimated), amount in call.usage.items():
            self._record(
                Usage(
                    at_ns=now,
                    turn=call.turn,
                    slot=self._slot,
                    provider=self._provider,
                    model=self._model,
                    unit=unit,
                    amount=amount,
                    estimated=estimated,
                )
            )
