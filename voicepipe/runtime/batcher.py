"""Many sessions, one model: what waits while it is busy is its next batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from voicepipe.core.calls import Workers

T = TypeVar("T")
R = TypeVar("R")


class DrainBatcher(Generic[T, R]):
    """Whenever ``fn`` is free it gets all that waits, at most ``max_batch``. One for all sessions.

    There is no window to wait out, so a single caller loses nothing. An exception of ``fn`` is raised
    for each item of that batch. An item whose caller left before its batch began is skipped.
    """

    def __init__(self, workers: Workers, fn: Callable[[Sequence[T]], Sequence[R]], max_batch: int) -> None:
        self._workers = workers
        self._fn = fn
        self._max_batch = max_batch
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._drain: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._drain is None:
            # Not in any session's tree: it serves all of them, and ends when nothing waits.
            self._drain = asyncio.create_task(self._run(), name="batcher")
        return await answer

    async def _run(self) -> None:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        try:
            while batch := self._next_batch():
                await self._answer(batch)
        finally:
            self._drain = None
            for _, answer in (*batch, *self._waiting):
                answer.cancel()  # there are some only if the loop is being closed
            self._waiting.clear()

    def _next_batch(self) -> list[tuple[T, asyncio.Future[R]]]:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        while self._waiting and len(batch) < self._max_batch:
            entry = self._waiting.popleft()
            if not entry[1].done():
                batch.append(entry)
        return batch

    async def _answer(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        items = [item for item, _ in batch]
        answers = [answer for _, answer in batch]
        try:
            results = await self._workers.call(lambda: self._fn(items))
            if len(results) != len(items):
                raise RuntimeError(f"a batch of {len(items)} items gave {len(results)} results")
        except Exception as error:
            for answer in answers:
                if not answer.done():
                    answer.set_exception(error)
            return
        for answer, result in zip(answers, results, strict=True):
            if not answer.done():
                answer.set_result(result)
