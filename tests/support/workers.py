"""What a provider is given in a test: the real workers and a call with a clock. And jobs that hang."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from voicepipe.core.calls import Call, Host
from voicepipe.core.clock import Clock, VirtualLoop
from voicepipe.core.units import MS
from voicepipe.runtime.workers import InlineWorkers, ThreadWorkers

PATIENCE = 30
"""Seconds after which a rendezvous that failed ends the test; never waited for when all is well."""


def make_workers() -> ThreadWorkers | InlineWorkers:
    """Workers that fit the loop that runs; threads outside of one."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return ThreadWorkers()
    return InlineWorkers(loop.mode) if isinstance(loop, VirtualLoop) else ThreadWorkers()


def make_host(language: str = "en-US", **fields: Any) -> Host:
    return Host(workers=fields.pop("workers", None) or make_workers(), language=language, **fields)


def make_call(session: str = "test", turn: int | None = 1, **fields: Any) -> Call:
    """A call of the session ``test`` on the clock of the running loop."""
    return Call(
        session=session,
        turn=turn,
        clock=fields.pop("clock", None) or Clock(),
        workers=fields.pop("workers", None) or make_workers(),
        **fields,
    )


@contextlib.contextmanager
def pool(*args: Any, **kwargs: Any) -> Iterator[ThreadWorkers]:
    workers = ThreadWorkers(*args, **kwargs)
    try:
        yield workers
    finally:
        workers.close()


class Stuck:
    """A job that hangs until it is let go, and the news that it has begun."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()
        self._go = threading.Event()

    def __call__(self) -> str:
        self.loop.call_soon_threadsafe(self.begun.set)
        assert self._go.wait(PATIENCE)
        return "late"

    def let_go(self) -> None:
        self._go.set()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until a thread has got somewhere; it is about to, so this isn't a wait."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - threads can't set an event of this loop by themselves
            await asyncio.sleep(0)


async def lose_a_thread(workers: ThreadWorkers) -> Stuck:
    """Let a job hang past its deadline."""
    before = workers.statistics().lost
    while True:
        job = Stuck()
        with pytest.raises(TimeoutError, match="no answer within 1ms"):
            await workers.call(job, deadline_ns=1 * MS)
        if workers.statistics().lost > before:
            return job  # else no thread had begun with it, and none ever will


def failing() -> None:
    raise LookupError("no such thing")
