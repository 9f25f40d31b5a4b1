"""Blocking work on the virtual clocks: while it is done, the event loop stands still."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Generic, Literal, TypeVar

from voicepipe.core.calls import Batcher, Emit
from voicepipe.core.units import SECOND
from voicepipe.runtime.batcher import DrainBatcher
from voicepipe.runtime.outcome import Outcome, too_late

T = TypeVar("T")
R = TypeVar("R")

LEAST_NS = SECOND
"""Real time that a job has at least, whatever its deadline: on the simulated clock a computer that is busy
must not make a difference."""


class _Lockstep(Generic[T]):
    """``fn(emit)`` in a thread that runs only while the loop stands still, and the other way round.

    So a stream is lazy and can be broken off on a virtual clock, too, and what is charged until the
    first item is the time to the first item.
    """

    def __init__(self, fn: Callable[[Emit[T]], None]) -> None:
        self._fn = fn
        self._go = threading.Semaphore(0)
        self._paused = threading.Semaphore(0)
        self._open = True
        self._items: list[T] = []
        self._outcome: Outcome[None] | None = None
        threading.Thread(target=self._work, name="voicepipe-lockstep", daemon=True).start()

    def next(self) -> tuple[T, ...]:
        """Let ``fn`` run to its next item. Nothing: it has ended."""
        self._resume()
        if self._outcome is not None:
            self._outcome.result()
            return ()
        return (self._items.pop(),)

    def close(self) -> None:
        """Let ``fn`` run to its end with an ``emit`` that returns False."""
        self._open = False
        if self._outcome is None:
            self._resume()

    def _resume(self) -> None:
        self._go.release()
        self._paused.acquire()

    def _work(self) -> None:
        self._go.acquire()
        self._outcome = Outcome(lambda: self._fn(self._emit))
        self._paused.release()

    def _emit(self, item: T) -> bool:
        if self._open:
            self._items.append(item)
            self._paused.release()
            self._go.acquire()
        return self._open


class InlineWorkers:
    """One job at a time, on the event loop itself.

    On the simulated clock a job takes its declared ``cost_ns``; on the charged one it takes what it
    took, which the loop counts by itself.
    """

    def __init__(self, clock: Literal["simulated", "charged"], *, least_ns: int = LEAST_NS) -> None:
        self._simulated = clock == "simulated"
        self._least_ns = least_ns

    async def call(self, fn: Callable[[], T], *, deadline_ns: int | None = None, cost_ns: int = 0) -> T:
        """See ``Workers.call``. A job past its deadline in real time, too, is abandoned.

        Without a deadline, what hangs hangs the loop.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome = Outcome(fn) if deadline_ns is None else _given_up(fn, max(deadline_ns, self._least_ns))
        if outcome is None:
            await asyncio.sleep((deadline_ns or 0) / SECOND if self._simulated else 0)
            raise too_late(deadline_ns)
        took_ns = cost_ns if self._simulated else round((loop.time() - began) * SECOND)
        waits_ns = took_ns if deadline_ns is None else min(took_ns, deadline_ns)
        await asyncio.sleep(waits_ns / SECOND if self._simulated else 0)
        if waits_ns < took_ns:
            raise too_late(deadline_ns)
        return outcome.result()

    async def stream(self, fn: Callable[[Emit[T]], None]) -> AsyncGenerator[T, None]:
        """See ``Workers.stream``. ``fn`` stands still between its items."""
        lockstep = _Lockstep(fn)
        try:
            while item := lockstep.next():
                yield item[0]
        finally:
            lockstep.close()

    def batcher(self, fn: Callable[[Sequence[T]], Sequence[R]], *, max_batch: int) -> Batcher[T, R]:
        return DrainBatcher(self, fn, max_batch)

    def close(self) -> None:
        """Nothing is kept; here for symmetry with ``ThreadWorkers``."""


def _given_up(fn: Callable[[], T], limit_ns: int) -> Outcome[T] | None:
    """Run ``fn`` in a thread that the loop waits for; None if it isn't back after so much real time.

    One that never comes back keeps its thread, which is a daemon, but neither the call nor the process.
    """
    done: list[Outcome[T]] = []
    thread = threading.Thread(target=lambda: done.append(Outcome(fn)), name="voicepipe-inline", daemon=True)
    thread.start()
    thread.join(limit_ns / SECOND)
    return done[0] if done else None
