"""A real MCP server, made with the official package; a program of its own.

``python mcp_clinic.py`` speaks over standard input and output. With ``--http`` it listens on loopback, on a
port that it prints (or on the one that is given). ``--says TEXT`` is another description of ``lookup``,
``--lacks`` leaves it out, ``--fails`` ends at once.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import socket
import sys
from typing import Any

from mcp.server.mcpserver import Image, MCPServer
from mcp.types import CallToolResult, TextContent

PNG = base64.b64decode("iVBORw0KGgo=")


def clinic(says: str, lacks: bool) -> MCPServer:
    server = MCPServer("clinic", log_level="CRITICAL")

    def lookup(name: str, year: int = 1980) -> str:
        return f"{name}, born {year}"

    if not lacks:
        server.add_tool(lookup, description=says)

    @server.tool(name="clinic.slots")
    def slots() -> dict[str, Any]:
        """List the free slots."""
        return {"free": ["thu 10:30"]}

    @server.tool()
    def refuses() -> CallToolResult:
        """Say no."""
        return CallToolResult(content=[TextContent(type="text", text="no such patient")], is_error=True)

    @server.tool(structured_output=False)
    def picture() -> list[Any]:
        """Draw."""
        return ["a drawing:", Image(data=PNG, format="png")]

    @server.tool()
    def long() -> str:
        """Say much."""
        return "x" * 20_000

    @server.tool()
    def huge() -> str:
        """Say far too much."""
        return "x" * (5 << 20)

    @server.tool()
    def environment(name: str) -> str:
        """Tell a variable."""
        return os.environ.get(name, "not set")

    @server.tool()
    def where() -> str:
        """Tell the folder."""
        return os.getcwd()

    @server.tool()
    async def waits() -> str:
        """Never answer."""
        await asyncio.sleep(3600)
        return "at last"

    @server.tool()
    def dies() -> str:
        """End in mid-call."""
        os._exit(3)

    return server


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--says", default="Find a patient by name.")
    parser.add_argument("--lacks", action="store_true")
    parser.add_argument("--fails", action="store_true")
    options = parser.parse_args()
    if options.fails:
        sys.stderr.write("first line\nno licence found\n")
        sys.exit(3)
    server = clinic(options.says.replace("<esc>", "\x1b"), options.lacks)
    if not options.http:
        server.run("stdio")
        return
    import uvicorn  # noqa: PLC0415 - only where it listens

    listening = socket.create_server(("127.0.0.1", options.port))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(server.streamable_http_app(), log_level="critical", timeout_graceful_shutdown=0)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
