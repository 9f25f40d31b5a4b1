"""A server beside a command, which has an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from voicepipe.testing.http import HttpServer
from voicepipe.testing.openai_server import OpenAIServer, Reply

Server = TypeVar("Server", bound=HttpServer)

PATIENCE_S = 30


@contextmanager
def answering(*replies: Reply, **options: Any) -> Iterator[OpenAIServer]:
    """An ``OpenAIServer`` that answers until the block is left."""
    with beside(OpenAIServer(*replies, **options)) as server:
        yield server


@contextmanager
def beside(server: Server) -> Iterator[Server]:
    """``server`` in a thread of its own, until the block is left."""
    running: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with server:
            over = asyncio.Event()
            running.set_result((asyncio.get_running_loop(), over))
            await over.wait()

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(asyncio.run, serve())
        loop, over = running.result(PATIENCE_S)
        try:
            yield server
        finally:
            loop.call_soon_threadsafe(over.set)
            done.result(PATIENCE_S)
