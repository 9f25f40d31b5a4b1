"""Tools of a real MCP server, accepted as they are, through the runner that calls of a pipeline use."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tests.support.toolbench import ToolBench
from tests.support.workers import make_workers
from voicepipe.config.tool_lock import Lock, Pin
from voicepipe.config.tool_models import McpTool
from voicepipe.runtime.checked_transport import resolver
from voicepipe.runtime.mcp_tools import McpDoor
from voicepipe.runtime.tool_doors import DoorHost
from voicepipe.runtime.tool_sets import ToolSet

CLINIC = Path(__file__).with_name("mcp_clinic.py")
LOOKUP = Pin(
    "lookup",
    "Find a patient by name.",
    {
        "type": "object",
        "properties": {
            "name": {"title": "Name", "type": "string"},
            "year": {"default": 1980, "title": "Year", "type": "integer"},
        },
        "required": ["name"],
        "title": "lookupArguments",
    },
)


def command(*options: str) -> dict[str, Any]:
    """The server as a command."""
    return {"command": [sys.executable, str(CLINIC), *options]}


@contextmanager
def listening(*options: str, port: int = 0) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """The server as one that listens, and its process."""
    given = [sys.executable, str(CLINIC), "--http", "--port", str(port), *options]
    with subprocess.Popen(given, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"
            yield {"url": url, "allow_private": True}, process
        finally:
            process.kill()


def mcp_tool(server: dict[str, Any], *allow: str, **fields: Any) -> McpTool:
    return McpTool.model_validate({"mcp": server, "allow": allow or ("lookup",), "timeout": "20s", **fields})


async def accepted(*tools: McpTool) -> Lock:
    """What their servers say of them now."""
    pins: dict[str, Pin] = {}
    workers = make_workers()
    for tool in tools:
        door = McpDoor(tool.mcp, folder=Path.cwd(), where="a test", check=lambda offered: None)
        await door.open(DoorHost(workers, resolver(workers)))
        pins.update({tool.name_of(name): door.offered[name] for name in tool.allow})
        await door.close()
    workers.close()
    return Lock(pins=pins)


@asynccontextmanager
async def bench_of(*tools: McpTool, lock: Lock | None = None) -> AsyncIterator[ToolBench]:
    """The tools, accepted unless ``lock`` says what was, and connected."""
    workers = make_workers()
    found = ToolSet.of(tools, lock=lock or await accepted(*tools))
    try:
        await found.connect(DoorHost(workers, resolver(workers)))
        try:
            yield ToolBench(*found.specs, workers=workers)
        finally:
            await found.close()
    finally:
        workers.close()


def asking(
    test: Callable[[ToolBench], Awaitable[None]], server: dict[str, Any], *allow: str, **fields: Any
) -> None:
    """Run ``test`` with the tools ``allow`` of ``server``."""
    lock = fields.pop("lock", None)

    async def main() -> None:
        async with bench_of(mcp_tool(server, *allow, **fields), lock=lock) as bench:
            await test(bench)

    asyncio.run(main())
