"""The socket to a Realtime server: events out, messages in, every failure in our terms."""

from __future__ import annotations

import itertools
import json
from typing import Any

from voicepipe.providers.openai_realtime_mailbox import Failure
from voicepipe.providers.web_socket import WebSockets


class Line:
    """``socket`` is one of ``websockets``, opened by ``web``; ``key`` must never be shown."""

    def __init__(self, socket: Any, web: WebSockets, key: str | None) -> None:
        self.key = key
        self.lost: Failure | None = None
        """Why nothing can be sent any more, once it is so."""
        self._socket = socket
        self._web = web
        self._numbers = itertools.count(1)

    def number(self) -> int:
        """Another one each time, for ids."""
        return next(self._numbers)

    async def send(self, event: dict[str, Any]) -> None:
        await self.send_text(json.dumps(event, ensure_ascii=False).encode())

    async def send_text(self, text: bytes) -> None:
        """UTF-8 that is an event already."""
        if self.lost is not None:
            raise self.lost()
        try:
            await self._socket.send(text, text=True)
        except self._web.failures as error:
            raise self._web.error(error) from None

    async def receive(self) -> str | bytes:
        try:
            message: str | bytes = await self._socket.recv()
        except self._web.failures as error:
            raise self._web.error(error) from None
        return message

    async def close(self) -> None:
        await self._socket.close()
