"""A bare client of the Realtime protocol, to see what the scripted server really sends."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.support.realtime import sound
from voicepipe.audio.pcm import Pcm
from voicepipe.testing.realtime_server import RealtimeServer

Event = dict[str, Any]
NO_VAD = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}


class Client:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def next(self) -> Event:
        event: Event = json.loads(await self.socket.recv())
        return event

    async def until(self, kind: str) -> list[Event]:
        """All events up to the next one of ``kind``."""
        seen = [await self.next()]
        while seen[-1]["type"] != kind:
            seen.append(await self.next())
        return seen

    async def ask(self, kind: str, answer: str, **fields: Any) -> Event:
        """Send an event, and wait for the one that answers it."""
        await self.send(kind, **fields)
        return (await self.until(answer))[-1]

    async def refusal(self, kind: str, **fields: Any) -> Event:
        """Send an event that is refused; why."""
        error: Event = (await self.ask(kind, "error", **fields))["error"]
        return error

    async def say(self, pcm: Pcm) -> None:
        data = base64.b64encode(pcm.astype("<i2").tobytes()).decode()
        await self.send("input_audio_buffer.append", audio=data)

    async def utterance(self, ms: int = 200) -> Event:
        """Audio that is committed; the event that says so."""
        await self.say(sound(ms))
        return await self.ask("input_audio_buffer.commit", "input_audio_buffer.committed")

    async def message(self, text: str, **place: Any) -> Event:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        return await self.ask("conversation.item.create", "conversation.item.done", item=item, **place)


@asynccontextmanager
async def client(server: RealtimeServer, session: Event | None = NO_VAD) -> AsyncIterator[Client]:
    """Connected to ``server``, which has taken ``session``."""
    url = f"ws{server.base_url.removeprefix('http')}/realtime?model=test-model"
    async with connect(
        url, proxy=None, max_queue=None
    ) as socket:  # what is left unread mustn't delay the end
        connection = Client(socket)
        await connection.until("session.created")
        if session is not None:
            await connection.ask("session.update", "session.updated", session=session)
        yield connection


def talk(
    script: Callable[[Client], Awaitable[Any]],
    server: RealtimeServer | None = None,
    session: Event | None = NO_VAD,
) -> Any:
    async def main() -> Any:
        async with server or RealtimeServer() as running, client(running, session) as connection:
            return await script(connection)

    return asyncio.run(main())


def kinds(events: list[Event]) -> list[str]:
    """Their types, each once where many of one type follow another."""
    found = [event["type"] for event in events]
    return [kind for index, kind in enumerate(found) if index == 0 or found[index - 1] != kind]
