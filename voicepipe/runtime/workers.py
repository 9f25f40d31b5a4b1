"""Blocking work, away from the event loop.

``ThreadWorkers`` serve the real clock. Their threads are daemons of our own, since those of
``concurrent.futures`` are joined when the process ends: a tool that hangs would keep it alive for ever.
``InlineWorkers`` serve the virtual clocks, on which a thread's answer would come at no time at all.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from voicepipe.core.calls import Batcher, Emit
from voicepipe.core.clock import Clock
from voicepipe.core.units import SECOND
from voicepipe.errors import VoicepipeError
from voicepipe.runtime.batcher import DrainBatcher
from voicepipe.runtime.inline_workers import InlineWorkers as InlineWorkers
from voicepipe.runtime.outcome import Outcome, too_late
from voicepipe.runtime.under_way import UNDER_WAY

T = TypeVar("T")
R = TypeVar("R")

THREADS = 8
"""Jobs at a time. Models use threads of their own, so this is for what waits or calls into C."""

SPARE_THREADS = 24
"""Replacements for threads that hang; a thread that does nothing costs about 50 kB."""

MAX_QUEUED = 1024
"""Jobs that may wait for a thread: more than any healthy process has, less than fills the memory."""

STREAM_DEPTH = 16
"""Items that a stream may be ahead of its reader: a third of a second in blocks of 20 ms."""

GRACE_NS = SECOND
"""How long a job whose caller has left may go on before its thread is counted as lost."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """``lost`` threads are in jobs that nobody waits for any more. The last two count from the start."""

    threads: int
    idle: int
    queued: int
    lost: int
    finished: int
    timed_out: int


class _Job:
    """A function on its way through a thread; all but ``wake`` is guarded by the pool's lock."""

    __slots__ = ("fn", "loop", "outcome", "state", "wake")

    def __init__(self, fn: Callable[[], Any]) -> None:
        self.fn = fn
        self.loop = asyncio.get_running_loop()
        self.wake = asyncio.Event()
        self.state: Literal["queued", "running", "lost", "done"] = "queued"
        self.outcome: Outcome[Any] | None = None

    def finish(self, outcome: Outcome[Any]) -> None:
        self.outcome = outcome
        self.notify()

    def notify(self) -> bool:
        """Wake the caller; False if its loop has been closed, so that nobody waits any more."""
        try:
            self.loop.call_soon_threadsafe(self.wake.set)
        except RuntimeError:
            if not self.loop.is_closed():
                raise
            return False
        return True


class _Pipe(Generic[T]):
    """Items from a thread to the loop; the thread waits while ``STREAM_DEPTH`` of them are unread."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._open = True

    def put(self, item: T) -> bool:
        with self._changed:
            while self._open and len(self._items) >= STREAM_DEPTH:
                self._changed.wait()
            if self._open:
                self._items.append(item)
            return self._open

    def take(self) -> tuple[T, ...]:
        """The next item, or nothing."""
        with self._changed:
            if not self._items:
                return ()
            self._changed.notify()
            return (self._items.popleft(),)

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.notify()


class ThreadWorkers:
    """A pool of daemon threads that are started when they are needed.

    A job whose caller has gone (its deadline passed, or it was cancelled) is taken off the queue. If it
    is running already, nothing can stop it: its result is discarded, its thread is lost until it comes
    back, and another takes its place. When all of ``size + spare`` are lost, jobs fail at once.
    """

    def __init__(self, size: int = THREADS, *, spare: int = SPARE_THREADS, grace_ns: int = GRACE_NS) -> None:
        self._size = size
        self._limit = size + spare
        self._grace = grace_ns / SECOND
        self._changed = threading.Condition()
        self._queue: deque[_Job] = deque()
        self._closed = False
        self._threads = self._idle = self._lost = self._finished = self._timed_out = 0

    async def call(self, fn: Callable[[], T], *, deadline_ns: int | None = None, cost_ns: int = 0) -> T:
        """See ``Workers.call``. The deadline counts from now, so the time in the queue is part of it."""
        job = self._submit(fn)
        try:
            async with asyncio.timeout(None if deadline_ns is None else deadline_ns / SECOND):
                await job.wake.wait()
        except TimeoutError:
            self._leave(job, late=True)
            raise too_late(deadline_ns) from None
        except asyncio.CancelledError:
            self._leave(job)
            raise
        assert job.outcome is not None
        value: T = job.outcome.result()
        return value

    async def stream(self, fn: Callable[[Emit[T]], None]) -> AsyncGenerator[T, None]:
        """See ``Workers.stream``. Closing the generator makes ``emit`` return False at once."""
        pipe: _Pipe[T] = _Pipe()
        job = self._submit(lambda: fn(lambda item: pipe.put(item) and job.notify()))
        try:
            while True:
                job.wake.clear()
                outcome = job.outcome  # before the items, so that none emitted before the end is missed
                while item := pipe.take():
                    yield item[0]
                if outcome is not None:
                    outcome.result()
                    return
                await job.wake.wait()
        finally:
            pipe.close()
            self._leave(job)

    def batcher(self, fn: Callable[[Sequence[T]], Sequence[R]], *, max_batch: int) -> Batcher[T, R]:
        return DrainBatcher(self, fn, max_batch)

    def statistics(self) -> Statistics:
        with self._changed:
            return Statistics(
                threads=self._threads,
                idle=self._idle,
                queued=len(self._queue),
                lost=self._lost,
                finished=self._finished,
                timed_out=self._timed_out,
            )

    def close(self) -> None:
        """Let idle threads end and fail what is queued. Running jobs aren't waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._fail_queued()

    def _submit(self, fn: Callable[[], Any]) -> _Job:
        job = _Job(fn)
        with self._changed:
            self._admit()
            self._queue.append(job)
            self._changed.notify()
            self._grow()
        return job

    def _admit(self) -> None:
        if self._closed:
            raise RuntimeError("these workers have been closed")
        if self._lost >= self._limit:
            raise VoicepipeError(
                f"all {self._limit} worker threads hang in jobs that nobody waits for any more",
                hint="restart the process, and give what hangs (a tool, an engine) a time-out of its own",
            )
        if len(self._queue) >= MAX_QUEUED:
            raise VoicepipeError(
                f"{MAX_QUEUED} jobs wait for a worker thread already",
                hint="this computer is too slow for so many sessions",
            )

    def _grow(self) -> None:
        """Start a thread if a job waits for one. The lock is held."""
        healthy = self._threads - self._lost
        if len(self._queue) > self._idle and healthy < self._size and self._threads < self._limit:
            threading.Thread(target=self._work, name="voicepipe-worker", daemon=True).start()
            self._threads += 1

    def _leave(self, job: _Job, *, late: bool = False) -> None:
        """The caller has gone, because its deadline passed (``late``) or because it was cancelled."""
        with self._changed:
            self._timed_out += late
            if job.state == "queued":
                self._queue.remove(job)
                job.state = "done"
        if late:
            self._lose(job)
        elif job.state == "running":
            job.loop.call_later(self._grace, self._lose, job)

    def _lose(self, job: _Job) -> None:
        with self._changed:
            if job.state != "running":
                return
            job.state = "lost"
            self._lost += 1
            self._grow()
            if self._lost >= self._limit:
                self._fail_queued()

    def _fail_queued(self) -> None:
        """Nobody will come for what is queued, and ``_admit`` says why. The lock is held."""
        while self._queue:
            job = self._queue.popleft()
            job.state = "done"
            job.finish(Outcome(self._admit))

    def _work(self) -> None:
        while self._run_next():
            pass

    def _run_next(self) -> bool:
        """Wait for a job and run it; False if this thread isn't needed any more."""
        with self._changed:
            if self._threads - self._lost > self._size:  # one that was lost came back
                self._threads -= 1
                return False
            self._idle += 1
            while not self._queue and not self._closed:
                self._changed.wait()
            self._idle -= 1
            if not self._queue:
                self._threads -= 1
                return False
            job = self._queue.popleft()
            job.state = "running"
        with UNDER_WAY:
            outcome = Outcome(job.fn)
        # What the job held is given up by the one who waits for it, on the loop: an engine written in C++
        # that is destroyed in a thread while the process ends takes the process down with an abort.
        del job.fn
        self._finish(job, outcome)
        return True

    def _finish(self, job: _Job, outcome: Outcome[Any]) -> None:
        with self._changed:
            self._lost -= job.state == "lost"
            self._finished += 1
            job.state = "done"
        job.finish(outcome)


def make_workers(clock: Clock) -> ThreadWorkers | InlineWorkers:
    """The workers that fit ``clock``."""
    return ThreadWorkers() if clock.name == "real" else InlineWorkers(clock.name)
