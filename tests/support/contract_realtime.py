"""A fused model that keeps what the contract suite examines, to be broken one promise at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, get_args

import numpy as np

from tests.support.contract_fakes import ASKED, RATE, TOOL, FakeSubject, promise_of
from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm
from voicepipe.core.messages import Message, ToolCall
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis, ProviderConfig
from voicepipe.providers.realtime_base import (
    CallerItem,
    CallerSilent,
    RealtimeProvider,
    RealtimeSetup,
    ReplyAudio,
    ReplyText,
)
from voicepipe.testing.contract import Fault, Scene, keep

CANCELLED: list[Call] = []
"""The calls whose reply a "server" was told to cancel."""


class Config(ProviderConfig):
    fault: Fault | None = None


class GoodConnection:
    def __init__(self, fault: Fault | None, setup: RealtimeSetup) -> None:
        self.fault = fault
        self.setup = setup
        self.samples = 0
        self.level = 0
        self.said: Message | None = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the connection has ended."""

    async def events(self) -> AsyncGenerator[CallerSilent, None]:
        await asyncio.shield(self.over)
        return
        yield CallerSilent()

    async def append(self, pcm: Pcm) -> None:
        self.samples += len(pcm)
        self.level = int(pcm[0])

    async def add(self, message: Message) -> str:
        self.said = message
        return "item"

    async def hear(self, call: Call) -> AsyncGenerator[CallerItem | Hypothesis, None]:
        call.set_usage("audio_in_ms", self.samples * 1000 // RATE)
        if not self.samples:
            yield Hypothesis(text="", final=True)
            return
        yield CallerItem(item_id="item_1")
        await call.clock.sleep(10 * MS)
        yield Hypothesis(text=f"level {self.level}", final=True)

    async def respond(
        self, call: Call, *, say: str | None = None, remember: bool = True
    ) -> AsyncGenerator[Any, None]:
        done = False
        try:
            if self.said == ASKED[-1]:
                yield ToolCall(id="call_1", name="look_up", arguments="{}")
            else:
                for event in self.reply(say):
                    yield event
                    await self.strike()
                    await call.clock.sleep(10 * MS)
            done = True
        finally:
            if not done:
                CANCELLED.append(call)
            call.set_usage("tokens_out", 7, estimated=not done)

    def reply(self, say: str | None) -> list[Any]:
        words = ReplyText(item_id="item_2", text=say or f"You said {self.level}.")
        sound = ReplyAudio(item_id="item_2", pcm=np.full(1600, 1000, np.int16))
        return [words, sound] if self.setup.speaks else [words]

    async def strike(self) -> None:
        if self.fault == "stall":
            await asyncio.Event().wait()
        if self.fault == "dropped":
            if not self.over.done():
                self.over.set_exception(self.lost())
            raise self.lost()

    def lost(self) -> ProviderError:
        return ProviderError("reset", provider="good", kind="connection", retryable=True)


class GoodRealtime(RealtimeProvider):
    name = "good"
    Config = Config
    connection: type[GoodConnection] = GoodConnection
    config: Config

    @property
    def rate_in(self) -> int:
        return RATE

    @property
    def rate(self) -> int:
        return RATE

    @asynccontextmanager
    async def connect(self, call: Call, setup: RealtimeSetup) -> AsyncIterator[Any]:
        if self.config.fault not in (None, "stall", "dropped"):
            raise ProviderError("no", provider="good", **REFUSALS[self.config.fault])
        made = self.connection(self.config.fault, setup)
        try:
            yield made
        finally:
            if not made.over.done():
                made.over.set_result(None)


REFUSALS: dict[Any, dict[str, Any]] = {
    "refused_key": {"kind": "authentication"},
    "rate_limit": {"kind": "rate_limit", "retryable": True},
    "malformed": {"kind": "protocol"},
}


class RealtimeSubject(FakeSubject):
    provider = GoodRealtime
    faults = frozenset(get_args(Fault))
    tools = (TOOL,)
    tool_question = ASKED

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        CANCELLED.clear()

        async def stopped() -> None:
            if not CANCELLED:
                await asyncio.Event().wait()

        yield Scene(config={"fault": fault} if fault else {}, stopped=stopped)


def speaking(connection: type[GoodConnection], **attributes: Any) -> RealtimeSubject:
    """A subject whose provider's connections are of that class."""
    provider = type("Made", (GoodRealtime,), {"connection": connection, **attributes})
    return RealtimeSubject(provider)


def examine(name: str, connection: type[GoodConnection], **attributes: Any) -> None:
    one = speaking(connection, **attributes)
    keep(promise_of(one, name), one, patience_s=0.05)
