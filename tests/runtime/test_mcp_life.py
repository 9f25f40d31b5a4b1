from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.mcp_tools import command
from tests.support.workers import make_workers
from voicepipe.config.tool_models import McpServer
from voicepipe.errors import ToolError
from voicepipe.runtime.checked_transport import resolver
from voicepipe.runtime.mcp_life import Life
from voicepipe.runtime.tool_doors import DoorHost
from voicepipe.testing.tool_server import ToolServer

pytest.importorskip("mcp", reason="needs the extra 'mcp'")

TALKS_NONSENSE = (
    "import sys; sys.stderr.write('a' * 100_000 + chr(10) + 'nonsense'); print('hello', flush=True)"
)

SAYS_NOTHING = (
    "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); sys.stdin.read()"
)


async def live(server: dict[str, Any], folder: Path = Path("/")) -> tuple[Life, Any]:
    workers = make_workers()
    return Life(McpServer.model_validate(server), folder, DoorHost(workers, resolver(workers))), workers


def test_a_life_begins_in_one_task_and_may_end_in_another(tmp_path: Path) -> None:
    async def main() -> None:
        life, workers = await live(command(), tmp_path)
        assert life.over
        await asyncio.ensure_future(life.begin())
        assert not life.over
        assert "lookup" in [tool.name for tool in life.offered]
        answer = await life.client.call_tool("where", {})
        assert answer.content[0].text == str(tmp_path)
        await asyncio.ensure_future(life.end())
        assert life.over
        await life.end()
        workers.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_a_life_is_over_when_the_command_has_ended() -> None:
    async def main() -> None:
        life, workers = await live(command())
        await life.begin()
        with pytest.raises(Exception, match="Connection closed"):
            await life.client.call_tool("dies", {})
        assert life.over
        await life.end()
        workers.close()

    asyncio.run(main())


def test_a_cancelled_beginning_leaves_nothing_behind() -> None:
    async def main() -> None:
        began = asyncio.Event()

        async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            began.set()
            writer.close()

        server = await asyncio.start_server(heard, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        life, workers = await live({"command": [sys.executable, "-c", SAYS_NOTHING, str(port)]})
        beginning = asyncio.ensure_future(life.begin())
        await began.wait()
        beginning.cancel()
        await asyncio.wait([beginning])
        await life.end()
        workers.close()
        server.close()
        await server.wait_closed()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_what_a_command_said_last_is_told_and_the_rest_forgotten() -> None:
    async def main() -> None:
        life, workers = await live({"command": [sys.executable, "-c", TALKS_NONSENSE]})
        with pytest.raises(ToolError) as error:
            await life.begin()
        assert error.value.message.endswith("its last words were: nonsense")
        assert len(error.value.message) < 500
        await life.end()
        workers.close()

    asyncio.run(main())


def test_headers_go_along_and_a_server_that_fails_is_told() -> None:
    async def main() -> None:
        async with ToolServer() as server:
            asked = {"url": f"{server.origin}/mcp", "allow_private": True, "headers": {"X-Token": "t0ken"}}
            life, workers = await live(asked)
            with pytest.raises(ToolError, match="Server returned an error response"):
                await life.begin()
            await life.end()
            workers.close()
            assert {request.headers["x-token"] for request in server.requests} == {"t0ken"}

    asyncio.run(main())
