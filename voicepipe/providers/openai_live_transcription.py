"""A transcription session: the caller is heard while they speak, over a WebSocket.

Protocol: https://developers.openai.com/api/docs/guides/realtime-transcription and the references of client
and server events beside it. The server's own turn detection is off: an utterance ends where the pipeline says
so, with ``input_audio_buffer.commit``.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from voicepipe.core.calls import Call, Host
from voicepipe.core.units import SECOND
from voicepipe.providers.base import Hypothesis, Pcm
from voicepipe.providers.endpoint import CONNECT_S, EndpointConfig
from voicepipe.providers.exchange import Exchange
from voicepipe.providers.openai_file_transcription import LONGEST_TEXT, SHORTEST_S
from voicepipe.providers.openai_realtime_events import parsed, refusal, table_in, text_in
from voicepipe.providers.openai_transcription_usage import TranscriptionTally
from voicepipe.providers.socket_pool import Pooled, SocketPool
from voicepipe.providers.vendor_errors import bad_answer, too_late
from voicepipe.providers.web_socket import WebSockets

RATE = 24_000
"""The only rate of PCM that the server takes."""

OLDEST = 55 * 60 * SECOND
"""The server ends a session after 60 minutes, without a warning."""

PATIENCE_S = 10.0
"""A committed turn is always answered; this only bounds what a deadline of the pipeline should have ended."""

DELTA, COMPLETED, FAILED = (
    f"conversation.item.input_audio_transcription.{what}" for what in ("delta", "completed", "failed")
)


class LiveTranscription:
    """One turn of a session per utterance. ``hints`` are fields of its transcription: language, prompt."""

    def __init__(
        self,
        config: EndpointConfig,
        host: Host,
        model: str,
        hints: Mapping[str, object],
        *,
        rate: int,
        keep_ns: int,
    ) -> None:
        self._web = WebSockets(config, host)
        self._config = config
        self._host = host
        self._key: str | None = None
        self._name = config.endpoint.provider
        self._model = model
        self._hints = hints
        self._rate = rate
        self._pool = SocketPool(self._open, keep_ns=keep_ns, oldest_ns=OLDEST)

    async def start(self) -> None:
        await self._web.load(self._model)
        self._key = self._config.find_key(self._host.env)
        async with self._web.trying(self.close):
            await self._pool.prepare()

    async def close(self) -> None:
        await self._pool.close()
        await self._web.close()

    def check(self) -> list[str]:
        return self._web.check()

    async def _open(self) -> Any:
        """A session that is set up. Raises ``ProviderError``."""
        socket = await self._web.open("/realtime?intent=transcription")
        try:
            await socket.send(json.dumps(session_update(self._model, self._hints)))
            async with asyncio.timeout(CONNECT_S):
                while self._event(await socket.recv())["type"] != "session.updated":
                    pass
        except BaseException as error:
            await socket.close()
            if isinstance(error, TimeoutError):
                raise too_late(self._name, f"{self._web.url} did not set up the session in time") from None
            if isinstance(error, self._web.failures):
                raise self._web.error(error) from None
            raise
        return socket

    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        tally = TranscriptionTally(call)
        connection: Pooled | None = None
        item, text, complete = "", "", False
        async with aclosing(_resampled(audio, self._rate)) as speech:
            exchange = Exchange(speech, rate=RATE, encode=append, ending=COMMIT, patience_s=PATIENCE_S)
            try:
                if not await exchange.begin():
                    yield Hypothesis(text="", final=True)
                    return
                connection = await self._pool.take(call.session)
                await exchange.attach(connection.socket)
                while not complete:
                    event = await self._next(exchange)
                    if event.get("item_id") == connection.last:
                        continue  # it is of the turn before
                    if event["type"] == DELTA:
                        text = self._bounded(text + text_in(event, "delta"))
                    elif event["type"] == COMPLETED:
                        item, complete = text_in(event, "item_id"), True
                        text = self._bounded(text_in(event, "transcript"))
                        tally.report(event.get("usage"))
                    else:
                        continue
                    yield Hypothesis(text=text.strip(), final=complete)
            except self._web.failures as error:
                raise self._web.error(error) from None
            finally:
                await exchange.close()
                tally.sent_ms = exchange.samples * 1000 / RATE
                tally.close()
                if connection is not None:
                    connection.last = item
                    await (self._pool.give_back if complete else self._pool.drop)(connection)

    async def _next(self, exchange: Exchange) -> dict[str, Any]:
        """The next event. Raises ``ProviderError``."""
        while (message := await exchange.receive()) is None:
            if exchange.exhausted:
                raise too_late(self._name, f"{self._web.url} did not transcribe the turn in time")
        return self._event(message)

    def _event(self, raw: str | bytes) -> dict[str, Any]:
        event = parsed(raw)
        if event["type"] in ("error", FAILED):
            error = table_in(event, "error")
            raise refusal({name: text for name, text in error.items() if isinstance(text, str)}, self._key)
        return event

    def _bounded(self, text: str) -> str:
        if len(text) > LONGEST_TEXT:
            raise bad_answer(self._name, f"the transcript is longer than {LONGEST_TEXT} characters")
        return text


def session_update(model: str, hints: Mapping[str, object]) -> dict[str, Any]:
    """The event that sets a transcription session up."""
    return {
        "type": "session.update",
        "session": {
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": RATE},
                    "transcription": {"model": model, **hints},
                    "turn_detection": None,
                }
            },
        },
    }


def append(pcm: Pcm) -> str:
    """The event that brings audio."""
    audio = base64.b64encode(pcm.astype("<i2").tobytes()).decode()
    return f'{{"type": "input_audio_buffer.append", "audio": "{audio}"}}'


COMMIT = json.dumps({"type": "input_audio_buffer.commit"})


async def _resampled(audio: AsyncIterator[Pcm], rate: int) -> AsyncGenerator[Pcm, None]:
    import numpy as np  # noqa: PLC0415 - validating a pipeline file needs this module, but not NumPy

    from voicepipe.audio.resample import Resampler  # noqa: PLC0415 - likewise

    resampler = Resampler(rate, RATE)
    samples = 0
    async for block in audio:
        samples += block.size
        yield resampler.process(block)
    if samples:
        yield resampler.flush()
    if 0 < samples < SHORTEST_S * rate:
        yield np.zeros(round(SHORTEST_S * RATE), np.int16)
