"""One connection to an MCP server, from its beginning to its end, in a task of its own.

Protocol: https://modelcontextprotocol.io/specification, as the official client speaks it. That client opens
scopes that only the task which opened them may close; sessions, which come and go, use it from theirs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from voicepipe.config.tool_models import McpServer
from voicepipe.core.extras import require
from voicepipe.errors import ToolError, VoicepipeError
from voicepipe.runtime.checked_transport import Reach, make_client
from voicepipe.runtime.tool_doors import DoorHost

EXTRA = "mcp"
PURPOSE = "an MCP tool"

CONNECT_S = 10.0
"""For starting a command, agreeing on a version and listing the tools. Python alone takes a second of it."""

CLOSE_S = 8.0
"""The client gives a command 2 s each to end by itself, to heed SIGTERM, and to be seen dead."""

MOST_BYTES = 4 << 20
"""Of one answer; what of it the model is shown is bounded again."""

MOST_TOOLS = 1000
STDERR_TAIL = 2000
"""Bytes of what a command said last on its standard error, to explain why it ended."""


class Life:
    """``begin`` it, use its ``client``, ``end`` it. ``over`` is true once the connection has dropped."""

    def __init__(self, server: McpServer, folder: Path, host: DoorHost) -> None:
        self.client: Any = None
        """An ``mcp.Client``, connected."""
        self.offered: list[Any] = []
        """The server's tools, as ``mcp.types.Tool``, when it was connected."""
        self.unanswered = 0
        """Calls that were given up since the last answer; whoever calls counts them."""
        self._server = server
        self._folder = folder
        self._host = host
        self._stderr = _Tail()
        self._leave = asyncio.Event()
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        return self._leave.is_set() or self._task is None or self._task.done()

    async def begin(self) -> None:
        """Connect. Raises ``ToolError`` that says why it can't, and ``SetupError`` without the package."""
        package = await self._host.workers.call(_package)
        task = self._task = asyncio.create_task(self._run(package))
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait([task, ready], timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            if not self._ready.is_set() and not task.done():
                task.cancel()
        if not self._ready.is_set():
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise ToolError(self._why(error)) from error
            raise ToolError(f"it gave no answer within {CONNECT_S:.0f} s{self._stderr.told()}")

    async def end(self) -> None:
        """Close the connection and wait, a bounded time, until nothing of it is left."""
        self._leave.set()
        task = self._task
        if task is None:
            return
        await asyncio.wait([task], timeout=CLOSE_S)
        task.cancel()
        await asyncio.wait([task], timeout=CLOSE_S)
        if task.done() and not task.cancelled():
            task.exception()  # why a connection that is given up broke, nobody asks

    async def _run(self, package: Any) -> None:
        async with AsyncExitStack() as stack:
            transport = await stack.enter_async_context(self._transport(package))
            info = package.types.Implementation(name="voicepipe", version="1")
            # No cache of answers: the list of tools is read once, to be compared with what was accepted.
            client = package.Client(_Watched(transport, self._leave), client_info=info, cache=None)
            self.client = await stack.enter_async_context(client)
            self.offered = await self._list()
            self._ready.set()
            await self._leave.wait()

    async def _list(self) -> list[Any]:
        tools: list[Any] = []
        cursor: str | None = None
        while len(tools) <= MOST_TOOLS:
            page = await self.client.list_tools(cursor=cursor)
            tools += page.tools
            cursor = page.next_cursor
            if cursor is None:
                return tools
        raise ToolError(f"it lists more than {MOST_TOOLS} tools")

    @asynccontextmanager
    async def _transport(self, package: Any) -> AsyncIterator[Any]:
        server = self._server
        if server.command is not None:
            yield self._started(package, server.command)
            return
        client, _ = await self._host.workers.call(self._make_client)
        async with client:
            yield _streamable_http(server.url, client)

    def _make_client(self) -> tuple[Any, Any]:
        return make_client(
            Reach(self._server.allow_private),
            self._host.resolve,
            headers=_revealed(self._server.headers),
            extra=EXTRA,
            purpose=PURPOSE,
            most_bytes=MOST_BYTES,
        )

    @asynccontextmanager
    async def _started(self, package: Any, command: tuple[str, ...]) -> AsyncIterator[Any]:
        parameters = package.StdioServerParameters(
            command=command[0], args=list(command[1:]), env=_revealed(self._server.env), cwd=self._folder
        )
        async with AsyncExitStack() as stack:
            with await self._stderr.file(stack) as stderr:
                streams = await stack.enter_async_context(package.stdio_client(parameters, errlog=stderr))
            yield streams

    def _why(self, error: BaseException) -> str:
        """The first of what went wrong, in one line."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, VoicepipeError):
            return error.message
        if isinstance(error, OSError) and self._server.command is not None:
            return f"'{self._server.command[0]}' can't be started: {error.strerror or error}"
        text = " ".join(str(error).split())[:300]
        return f"{text or type(error).__name__}{self._stderr.told()}"


def _package() -> Any:
    package = require("mcp", extra=EXTRA, purpose=PURPOSE)
    for name in ("mcp", "client"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            # Without any handler Python prints what it logs: tracebacks, with the server's words in them.
            logger.addHandler(logging.NullHandler())
    return package


def _streamable_http(url: str | None, client: Any) -> Any:
    module = require("mcp.client.streamable_http", extra=EXTRA, purpose=PURPOSE)
    return module.streamable_http_client(url, http_client=client)


def _revealed(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in values.items()}


class _Watched:
    """A transport that sets ``ended`` when nothing more can come in."""

    def __init__(self, transport: Any, ended: asyncio.Event) -> None:
        self._transport = transport
        self._ended = ended

    async def __aenter__(self) -> tuple[Any, Any]:
        incoming, outgoing = await self._transport.__aenter__()
        return _WatchedStream(incoming, self._ended), outgoing

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        return await self._transport.__aexit__(kind, error, trace)


class _WatchedStream:
    """The stream of incoming messages, as ``mcp`` reads it."""

    def __init__(self, stream: Any, ended: asyncio.Event) -> None:
        self._stream = stream
        self._ended = ended

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        return await self._stream.__aexit__(kind, error, trace)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._stream.__anext__()
        except BaseException:
            self._ended.set()
            raise


class _Tail(asyncio.Protocol):
    """The end of what a command writes to its standard error; the rest is forgotten."""

    def __init__(self) -> None:
        self._data = b""

    async def file(self, stack: AsyncExitStack) -> Any:
        """A file for the command to write to; ours is to be closed when the command has it."""
        if sys.platform == "win32":  # its pipes can't be awaited; what the command says there is lost
            return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
        read_end, write_end = os.pipe()
        reader = os.fdopen(read_end, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: self, reader)
        stack.callback(transport.close)
        return os.fdopen(write_end, "w", encoding="utf-8")

    def data_received(self, data: bytes) -> None:
        self._data = (self._data + data)[-STDERR_TAIL:]

    def told(self) -> str:
        """The last line, for the end of a sentence."""
        lines = self._data.decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"; its last words were: {last[:300]}" if last else ""
