"""Three clocks. Session time is in integer nanoseconds from the start of the session.

* **real**: the computer's monotonic clock.
* **simulated**: idle time is skipped and work takes no time, so that the answer is the same each time.
* **charged**: idle time is skipped, but the time that computing really took counts.

The virtual ones are event loops (``VirtualLoop``) whose selector never waits: where it would, time leaps.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar

from voicepipe.core.units import SECOND

ClockName = Literal["real", "simulated", "charged"]
T = TypeVar("T")


POLL_EVERY = 32
"""Rounds of a busy virtual loop, after which real descriptors are polled though there is work."""


class Clock:
    """The time of one session, on whatever loop it runs.

    Real time isn't asked of the loop: uvloop's own has whole milliseconds, of the last time it looked.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self.name: ClockName = self._loop.mode if isinstance(self._loop, VirtualLoop) else "real"
        self._now = self._loop.now_ns if isinstance(self._loop, VirtualLoop) else time.monotonic_ns
        self._origin_ns = self._now()
        self._origin = self._origin_ns / SECOND

    def now(self) -> int:
        """Nanoseconds since the session began."""
        return self._now() - self._origin_ns

    def shared_now(self) -> int:
        """Nanoseconds since a moment that all sessions of this loop have in common."""
        return self._now()

    async def sleep(self, nanoseconds: int) -> None:
        if nanoseconds <= 0:
            await asyncio.sleep(0)
            return
        # As asyncio.sleep does it, but without its detours: every frame of a caller sleeps once.
        loop = self._loop
        over = loop.create_future()
        timer = loop.call_at(loop.time() + nanoseconds / SECOND, _end, over)
        try:
            await over
        except BaseException:
            timer.cancel()
            raise

    async def sleep_until(self, at_ns: int) -> None:
        await self.sleep(at_ns - self._now() + self._origin_ns)

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Call ``callback`` at session time ``at_ns``, or soon if that has passed."""
        return self._loop.call_at(self._origin + at_ns / SECOND, callback)

    @property
    def virtual(self) -> bool:
        return self.name != "real"


def _end(sleep: asyncio.Future[None]) -> None:
    if not sleep.done():
        sleep.set_result(None)


class _LeapingSelector(selectors.BaseSelector):
    """Polls the real descriptors, but hands the waiting to the loop's own time.

    As long as there is work they are only polled now and then: nothing real happens in the meantime that
    couldn't wait for a fraction of a millisecond, and there are five rounds of work to a frame.
    """

    def __init__(self, leap: Callable[[float | None], None]) -> None:
        self._real = selectors.DefaultSelector()
        self._leap = leap
        self._unpolled = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0 and self._unpolled < POLL_EVERY:
            self._unpolled += 1
            return []
        self._unpolled = 0
        ready = self._real.select(0)
        if not ready and (timeout is None or timeout > 0):
            self._leap(timeout)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Any:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class Deadlock(RuntimeError):
    """On a virtual clock every task waits and no timer is set: the wait would never end."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting costs nothing.

    Threads have no place in it: a thread's answer comes in real time, which the loop doesn't know.
    ``Workers`` therefore run their jobs inline on such a loop.
    """

    def __init__(self, mode: Literal["simulated", "charged"]) -> None:
        self.mode: Literal["simulated", "charged"] = mode
        self._leapt_ns = 0
        self._started_ns = time.perf_counter_ns()
        super().__init__(_LeapingSelector(self._leap))

    def now_ns(self) -> int:
        # Counted in whole nanoseconds: sums of floats would drift by some of them in an hour's call.
        if self.mode == "simulated":
            return self._leapt_ns
        return self._leapt_ns + time.perf_counter_ns() - self._started_ns

    def time(self) -> float:
        return (self._leapt_ns if self.mode == "simulated" else self.now_ns()) / SECOND

    def _leap(self, timeout: float | None) -> None:
        if timeout is None:
            waiting = sorted(map(_describe, asyncio.all_tasks(self)))
            raise Deadlock(f"nothing is scheduled any more, and these tasks wait: {', '.join(waiting)}")
        self._leapt_ns += round(timeout * SECOND)


def _describe(task: asyncio.Task[Any]) -> str:
    coroutine = task.get_coro()
    return f"{task.get_name()} ({getattr(coroutine, '__qualname__', coroutine)})"


def runner_on(clock: ClockName) -> asyncio.Runner:
    """A loop on the named clock, for several things to be run in it one after the other.

    The real one is uvloop's where that is installed: many sockets cost a tenth less of the CPU.
    """
    return asyncio.Runner(loop_factory=_real_loops() if clock == "real" else lambda: VirtualLoop(clock))


def _real_loops() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - a virtual clock has its own
    except ImportError:
        return None
    return uvloop.new_event_loop


def run_on(clock: ClockName, main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` in a new event loop on the named clock, as ``asyncio.run`` does on the real one."""
    with runner_on(clock) as runner:
        return runner.run(main)
