"""What is left over: tasks, threads and open files that weren't there before."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

TURNS = 2000
"""Turns of the loop after which whatever still runs won't end by itself: where nothing else runs, each task
ends within a few of them."""

_DESCRIPTORS = Path("/proc/self/fd")


def open_files() -> Counter[str]:
    """What this process's descriptors point at; nothing where the system doesn't tell (Linux does)."""
    found: Counter[str] = Counter()
    for name in os.listdir(_DESCRIPTORS) if _DESCRIPTORS.is_dir() else ():
        try:
            found[os.readlink(_DESCRIPTORS / name)] += 1
        except OSError:
            continue  # the descriptor by which the folder itself was read
    return found


async def eventually(condition: Callable[[], bool], patience_s: float | None) -> bool:
    """Let the loop turn until ``condition`` holds; False if it never does.

    ``patience_s``: how long threads and peers may take to notice the end; None on a virtual clock, where
    there are none.
    """
    if patience_s is None:
        for _ in range(TURNS):
            if condition():
                return True
            await asyncio.sleep(0)
        return condition()
    try:
        async with asyncio.timeout(patience_s):
            while not condition():  # noqa: ASYNC110 - threads and peers can't set an event of this loop
                await asyncio.sleep(0.001)
    except TimeoutError:
        return condition()
    return True


class Before:
    """Remembers what there is now, to tell later what has been added."""

    def __init__(self, patience_s: float | None) -> None:
        self._patience_s = patience_s
        self._tasks = asyncio.all_tasks()
        self._threads = set(threading.enumerate())
        self._files = open_files()

    async def left(self, *, tasks_only: bool = False) -> list[str]:
        """What has been added and doesn't go by itself, in words."""
        added = self._tasks_added if tasks_only else self._added
        await eventually(lambda: not added(), self._patience_s)
        return added()

    def _tasks_added(self) -> list[str]:
        return sorted(f"the task {_described(task)}" for task in asyncio.all_tasks() - self._tasks)

    def _added(self) -> list[str]:
        threads = [f"the thread {thread.name}" for thread in set(threading.enumerate()) - self._threads]
        files = [f"the descriptor of {name}" for name in (open_files() - self._files).elements()]
        return [*self._tasks_added(), *sorted(threads), *sorted(files)]


def _described(task: asyncio.Task[Any]) -> str:
    coroutine = task.get_coro()
    return f"{task.get_name()} ({getattr(coroutine, '__qualname__', coroutine)})"
