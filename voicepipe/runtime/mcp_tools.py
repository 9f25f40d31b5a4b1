"""Tools of servers that speak the Model Context Protocol: ``{mcp: {url: …}, allow: [lookup_patient]}``.

The model is shown what stands in the lock file, never what the server says today, and a server that says
something else isn't used. See ``config.tool_lock``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from voicepipe.config.tool_lock import Pin
from voicepipe.config.tool_models import McpServer
from voicepipe.core.masking import mask_secrets
from voicepipe.errors import ConfigError, SetupError, ToolError, VoicepipeError
from voicepipe.runtime.mcp_life import Life
from voicepipe.runtime.tool_doors import DoorHost, readable, told_secrets

MOST_OF_ERROR = 1000
"""Characters of what a server says went wrong."""

MOST_UNANSWERED = 8
"""Calls in a row that were given up without any answer in between. Each may still hold a connection open, and
a server that is silent for so long is better begun anew."""

_FORGOTTEN = "Session terminated"
"""What the client says when a server answers 404: it doesn't know the session any more, and did nothing."""

Check = Callable[[Mapping[str, Pin]], None]
"""Raises ``ConfigError`` if what a server offers isn't what was accepted."""


class _SessionIsGone(ToolError):
    pass


class McpDoor:
    """The connection to one server. One that has dropped is made anew when the next call needs it."""

    def __init__(self, server: McpServer, *, folder: Path, where: str, check: Check) -> None:
        """``where`` is the place of its declaration, for messages; a command runs in ``folder``."""
        self.server = server
        self.offered: dict[str, Pin] = {}
        """What the server said when it was connected last, by its own names."""
        self._folder = folder
        self._where = where
        self._check = check
        self._host: DoorHost | None = None
        self._life: Life | None = None
        secret = {**server.headers, **server.env}
        self._secrets = tuple(told_secrets({name: one.get_secret_value() for name, one in secret.items()}))
        self._given_up: set[asyncio.Task[None]] = set()
        self._connecting = asyncio.Lock()

    async def open(self, host: DoorHost) -> None:
        """Connect, and see that the server offers what was accepted.

        Raises ``SetupError`` for a server that can't be reached and for one without the package, and what
        ``check`` raises.
        """
        self._host = host
        self._connecting = asyncio.Lock()  # a door may be opened again in another event loop
        host.progress("starting an MCP server" if self.server.command else "connecting to an MCP server")
        try:
            await self._connect(host)
        except ToolError as error:
            problem = f"{self._where}: the MCP server can't be used: {host.mask(error.message)}"
            raise SetupError(problem, hint="Start it, or take its tools out of agent.tools.") from error

    async def close(self) -> None:
        life, self._life, self._host = self._life, None, None
        if life is not None:
            await life.end()
        if self._given_up:
            await asyncio.wait(self._given_up)

    def caller(self, tool: str) -> Callable[..., Any]:
        """A function of the arguments of ``tool``, the server's name for it."""

        async def call(**arguments: Any) -> Any:
            return await self.call(tool, arguments)

        return call

    async def call(self, tool: str, arguments: dict[str, Any]) -> Any:
        """What ``tool`` answers. Raises ``ToolError``. How long it may take is the runner's business."""
        life = await self._alive()
        try:
            try:
                answer = await self._ask(life, tool, arguments)
            except _SessionIsGone:
                self._give_up(life)
                answer = await self._ask(await self._alive(), tool, arguments)
        except ToolError as error:
            raise ToolError(mask_secrets(error.message, self._secrets)) from error
        return readable(mask_secrets(answer, self._secrets))

    async def _ask(self, life: Life, tool: str, arguments: dict[str, Any]) -> str:
        try:
            result = await life.client.call_tool(tool, arguments)
            life.unanswered = 0
            return _content(result)
        except asyncio.CancelledError:
            life.unanswered += 1
            if life.unanswered >= MOST_UNANSWERED:
                self._give_up(life)
            raise
        except VoicepipeError:
            raise
        except Exception as error:
            if str(error) == _FORGOTTEN:
                raise _SessionIsGone("its server has forgotten the session") from error
            if life.over:
                raise ToolError("the connection to its server broke off") from error
            raise _as_tool_error(error) from error

    async def _alive(self) -> Life:
        """The connection, made anew if it has dropped."""
        async with self._connecting:
            host = self._host
            if host is None:
                raise ToolError("the connection to its server is closed")
            if self._life is not None and self._life.over:
                self._give_up(self._life)
            if self._life is None:
                try:
                    await self._connect(host)
                except ToolError as error:
                    raise ToolError(f"its server can't be reached: {error.message}") from error
                except ConfigError as error:  # what it says now is no more for the model than it was before
                    raise ToolError(
                        "its server says something else of its tools than was accepted"
                    ) from error
            assert self._life is not None, "it has been connected"
            return self._life

    async def _connect(self, host: DoorHost) -> None:
        life = Life(self.server, self._folder, host)
        try:
            await life.begin()
            self.offered = {tool.name: pin_of(tool) for tool in life.offered}
            self._check(self.offered)
        except BaseException:
            self._give_up(life)
            raise
        self._life = life

    def _give_up(self, life: Life) -> None:
        """Close ``life`` while nobody waits for it."""
        if self._life is life:
            self._life = None
        task = asyncio.create_task(life.end())
        self._given_up.add(task)
        task.add_done_callback(self._given_up.discard)


def pin_of(tool: Any) -> Pin:
    """What a server says of ``tool``, an ``mcp.types.Tool``, as far as the model would be told."""
    return Pin(tool.name, (tool.description or tool.title or "").strip(), tool.input_schema)


def _content(result: Any) -> str:
    """What a model can read of an ``mcp.types.CallToolResult``."""
    parts = [_part(block) for block in result.content]
    text = "\n".join(part for part in parts if part)
    if result.is_error:
        raise ToolError(text[:MOST_OF_ERROR] or "its server says that it failed")
    if not text and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return text


def _part(block: Any) -> str:
    text = getattr(block, "text", None) or getattr(getattr(block, "resource", None), "text", None)
    return text if isinstance(text, str) else f"[{block.type}, which can't be read out]"


def _as_tool_error(error: Exception) -> ToolError:
    text = " ".join(str(error).split())[:MOST_OF_ERROR]
    if hasattr(error, "code"):  # an mcp.MCPError: the server's own words
        return ToolError(f"its server refused: {text}")
    return ToolError(f"its server's answer can't be used: {text or type(error).__name__}")
