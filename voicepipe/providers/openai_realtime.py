"""REALTIME ``openai``: a model that hears and speaks, over OpenAI's Realtime protocol.

https://developers.openai.com/api/docs/guides/realtime-websocket; the generally available version. Servers
that are compatible are reached by ``base_url``. A session of OpenAI's ends after 60 minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from voicepipe.core.calls import Call, Host
from voicepipe.core.records import UsageUnit
from voicepipe.core.units import SECOND
from voicepipe.providers import openai_realtime_events as wire
from voicepipe.providers.openai_realtime_config import OPENAI, OpenAIRealtimeConfig
from voicepipe.providers.openai_realtime_line import Line
from voicepipe.providers.openai_realtime_session import session_of
from voicepipe.providers.openai_realtime_usage import CALLER_MS_PER_TOKEN
from voicepipe.providers.realtime_base import RealtimeProvider, RealtimeSetup
from voicepipe.providers.vendor_errors import too_late
from voicepipe.providers.web_socket import WebSockets

if TYPE_CHECKING:
    from voicepipe.providers.openai_realtime_connection import Connection


class OpenAIRealtime(RealtimeProvider):
    name = wire.PROVIDER
    clock = "real"
    extra = OPENAI.extra
    packages = ("websockets",)
    keys = ("OPENAI_API_KEY",)
    Config = OpenAIRealtimeConfig
    config: OpenAIRealtimeConfig

    def __init__(self, config: OpenAIRealtimeConfig, host: Host) -> None:
        super().__init__(config, host)
        self._web = WebSockets(config, host)
        self._key: str | None = None

    @property
    def rate_in(self) -> int:
        return self.config.rate_in

    @property
    def rate(self) -> int:
        return self.config.rate

    def billed(self, silence_ms: int) -> Mapping[UsageUnit, int]:
        """What is committed is billed with the next reply, and as cached with each further one; here only
        with the next."""
        return {"audio_tokens_in": silence_ms // CALLER_MS_PER_TOKEN}

    def check(self) -> list[str]:
        return self._web.check()

    async def start(self) -> None:
        """`SetupError`: no package, key or server, or one that refuses the settings.

        A connection belongs to a call, and is opened then; this one only finds out.
        """
        self._key = self.config.find_key(self.host.env)
        await self._web.load(self.config.model)
        speaks = bool(self.config.voice or self.host.voice)
        async with (
            self._web.trying(self.close),
            self._connect(RealtimeSetup(instructions="", speaks=speaks)),
        ):
            pass

    async def close(self) -> None:
        await self._web.close()

    def connect(self, call: Call, setup: RealtimeSetup) -> AbstractAsyncContextManager[Connection]:
        return self._connect(setup)

    @asynccontextmanager
    async def _connect(self, setup: RealtimeSetup) -> AsyncGenerator[Connection, None]:
        from voicepipe.providers.openai_realtime_connection import (  # noqa: PLC0415 - NumPy, for calls only
            Connection,
        )

        config = self.config
        socket = await self._web.open(f"/realtime?{urlencode({'model': config.model})}")
        line = Line(socket, self._web, self._key)
        connection = Connection(line, config, finds_turns=setup.finds_turns)
        try:
            session = session_of(config, setup, self.host.language, self.host.voice)
            try:
                async with asyncio.timeout(config.read_timeout / SECOND):
                    await connection.begin(session)
            except TimeoutError:
                raise too_late(
                    self.name, f"{config.base_url} did not take the session's settings in time"
                ) from None
            yield connection
        finally:
            await connection.close()
