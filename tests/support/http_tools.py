"""HTTP tools that ask a server on loopback, through the runner that calls of a pipeline use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.support.toolbench import ToolBench
from tests.support.workers import make_workers
from voicepipe.config.tool_models import HttpTool
from voicepipe.runtime.checked_transport import Resolve, resolver
from voicepipe.runtime.tool_doors import DoorHost
from voicepipe.runtime.tool_sets import ToolSet
from voicepipe.testing.tool_server import Answer, ToolServer

FIND: dict[str, Any] = {
    "name": "find",
    "description": "Find a slot.",
    "allow_private": True,
    "side_effect": False,
    "timeout": "5s",
    "schema": {"properties": {"day": {"type": "string"}, "seats": {"type": "integer"}}},
}


def http_tool(origin: str, path: str = "/find", **fields: Any) -> HttpTool:
    return HttpTool.model_validate({**FIND, "http": f"{origin}{path}", **fields})


@asynccontextmanager
async def bench_of(*tools: HttpTool, resolve: Resolve | None = None) -> AsyncIterator[ToolBench]:
    """The tools, connected."""
    workers = make_workers()
    found = ToolSet.of(tools)
    await found.connect(DoorHost(workers, resolve or resolver(workers)))
    try:
        yield ToolBench(*found.specs, workers=workers)
    finally:
        await found.close()
        workers.close()


def asking(
    test: Callable[[ToolServer, ToolBench], Awaitable[None]],
    *answers: Answer,
    path: str = "/find",
    resolve: Resolve | None = None,
    **fields: Any,
) -> ToolServer:
    """Run ``test`` with a server that gives ``answers`` and a tool ``find`` that asks it; the server."""

    async def main() -> ToolServer:
        async with (
            ToolServer(*answers) as server,
            bench_of(http_tool(server.origin, path, **fields), resolve=resolve) as bench,
        ):
            await test(server, bench)
            return server

    return asyncio.run(main())


def answer_to(arguments: str = "{}", *answers: Answer, **options: Any) -> tuple[str, ToolServer]:
    """What the model is told that calls ``find`` with ``arguments``, and the server."""
    told: list[str] = []

    async def test(server: ToolServer, bench: ToolBench) -> None:
        told.append(await bench.ask("find", arguments))

    server = asking(test, *answers, **options)
    return told[0], server
