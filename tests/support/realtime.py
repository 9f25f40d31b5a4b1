"""The ``openai`` realtime provider and the scripted server that it talks to, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.support.workers import make_call, make_host
from voicepipe.core.calls import Call
from voicepipe.core.messages import ToolOffer
from voicepipe.errors import ProviderError
from voicepipe.providers.openai_realtime import OpenAIRealtime
from voicepipe.providers.openai_realtime_config import OpenAIRealtimeConfig
from voicepipe.providers.openai_realtime_connection import Connection
from voicepipe.providers.realtime_base import RealtimeSetup, ReplyAudio, ReplyText
from voicepipe.testing.realtime_script import Reply
from voicepipe.testing.realtime_server import RealtimeServer

SECRET = "sk-very-secret-0123456789"
WEATHER = ToolOffer(
    name="weather",
    description="The weather in a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
BRIEF = RealtimeSetup(instructions="Be brief.")


def a_config(base_url: str = "http://127.0.0.1:9/v1", **fields: Any) -> OpenAIRealtimeConfig:
    return OpenAIRealtimeConfig.model_validate({"model": "test-model", "base_url": base_url, **fields})


@asynccontextmanager
async def started(base_url: str, **fields: Any) -> AsyncIterator[OpenAIRealtime]:
    host = make_host(**{name: fields.pop(name) for name in ("voice", "language") if name in fields})
    provider = OpenAIRealtime(a_config(base_url, **fields), host)
    try:
        await provider.start()
        yield provider
    finally:
        await provider.close()
        await provider.close()


@dataclass
class Bench:
    """A connection whose events are read: ``told`` of the caller, and the ``failure`` that it ended with."""

    connection: Connection
    server: RealtimeServer
    told: list[Any] = field(default_factory=list)
    failure: ProviderError | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def pump(self) -> None:
        try:
            async for event in self.connection.events():
                self.told.append(event)
                self.news.set()
        except ProviderError as error:
            self.failure = error
        self.news.set()

    async def until_told(self, count: int) -> None:
        while len(self.told) < count:
            self.news.clear()
            await self.news.wait()

    async def until_lost(self) -> ProviderError:
        while self.failure is None:
            self.news.clear()
            await self.news.wait()
        return self.failure

    async def speak(self, ms: int, *, loud: bool = True, rate: int = 24_000) -> None:
        """The caller's audio in frames of 20 ms."""
        for _ in range(ms // 20):
            await self.connection.append(sound(20, rate) if loud else np.zeros(rate // 50, np.int16))

    async def hear(self, item_id: str | None = None, call: Call | None = None) -> list[Any]:
        async with aclosing(self.connection.hear(call or make_call(), item_id)) as events:
            return [event async for event in events]

    async def respond(self, call: Call | None = None, **options: Any) -> list[Any]:
        async with aclosing(self.connection.respond(call or make_call(), **options)) as events:
            return [event async for event in events]


@asynccontextmanager
async def _forgotten(server: RealtimeServer) -> AsyncIterator[None]:
    """The server has never seen the connection by which the provider has found out that it is there."""
    server.sessions.pop()
    server.handshakes.pop()
    yield


@asynccontextmanager
async def connected(
    server: RealtimeServer, setup: RealtimeSetup = BRIEF, **fields: Any
) -> AsyncIterator[Bench]:
    async with (
        started(server.base_url, **fields) as provider,
        _forgotten(server),
        provider.connect(make_call(), setup) as connection,
        asyncio.TaskGroup() as group,
    ):
        bench = Bench(connection, server)
        pump = group.create_task(bench.pump())
        try:
            yield bench
        finally:
            pump.cancel()


def sound(ms: int, rate: int = 24_000) -> Any:
    """A tone of −17 dBFS."""
    times = np.arange(ms * rate // 1000) / rate
    return (6500 * np.sin(2 * np.pi * 250 * times)).astype(np.int16)


def run(
    script: Callable[[Bench], Awaitable[Any]],
    *replies: Reply,
    setup: RealtimeSetup | None = None,
    answer: Any = None,
    heard: Any = (),
    **fields: Any,
) -> Any:
    """What ``script`` gives on a connection to a server that answers with ``replies``."""

    async def main() -> Any:
        server = RealtimeServer(*replies, heard=heard, answer=answer)
        async with server, connected(server, setup or BRIEF, **fields) as bench:
            return await script(bench)

    return asyncio.run(main())


def words(events: list[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, ReplyText))


def audio(events: list[Any]) -> Any:
    return np.concatenate([event.pcm for event in events if isinstance(event, ReplyAudio)])


def items(server: RealtimeServer) -> list[tuple[str, str]]:
    """Role or type, and the words, of each item of the last connection's conversation."""
    found = []
    for item in server.sessions[-1].conversation.items:
        content = item.wire.get("content") or [{}]
        text = content[0].get("text") or content[0].get("transcript") or item.wire.get("output") or ""
        found.append((item.role or item.wire["type"], text))
    return found


async def begin_and_leave(bench: Bench, call: Any = None) -> str:
    """Take the first audio of a reply, then leave it; the item's id."""
    async with aclosing(bench.connection.respond(call or make_call())) as events:
        async for event in events:
            if isinstance(event, ReplyAudio):
                return event.item_id
    raise AssertionError("no audio came")
