"""Deepgram: speech to text over a WebSocket while the caller speaks.

Protocol: https://developers.deepgram.com/reference/speech-to-text/listen-streaming; /docs/finalize,
/docs/keep-alive and /docs/close-stream; https://developers.deepgram.com/docs/models-languages-overview.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import ClassVar
from urllib.parse import urlencode

from pydantic import Field, SecretStr

from voicepipe.core.calls import Call, Host
from voicepipe.core.records import UsageUnit
from voicepipe.core.units import MS, SECOND, Duration
from voicepipe.providers.base import Hypothesis, Pcm, SttProvider
from voicepipe.providers.deepgram_results import Heard
from voicepipe.providers.endpoint import Endpoint, EndpointConfig
from voicepipe.providers.exchange import Exchange
from voicepipe.providers.socket_pool import Pooled, SocketPool
from voicepipe.providers.web_socket import WebSockets

KEEP_ALIVE, FINALIZE, CLOSE_STREAM = (
    json.dumps({"type": kind}) for kind in ("KeepAlive", "Finalize", "CloseStream")
)

REGIONAL = frozenset(
    {"en-US", "en-AU", "en-GB", "en-IN", "en-NZ", "nl-BE", "fr-CA", "de-CH", "pt-BR", "pt-PT", "es-419"}
    | {"da-DK", "sv-SE", "ko-KR", "zh-CN", "zh-TW"}
)
"""The tags with a region that the vendor knows. It refuses others, such as de-DE, instead of taking de."""

ENDPOINT = Endpoint(
    provider="deepgram",
    kind="stt",
    vendor="Deepgram",
    extra="cloud",
    url="wss://api.deepgram.com/v1",
    hosts=("api.deepgram.com", ".deepgram.com"),
    key="DEEPGRAM_API_KEY",
)


class DeepgramConfig(EndpointConfig):
    endpoint: ClassVar[Endpoint] = ENDPOINT
    model: str = Field("nova-3", min_length=1, max_length=200, description="as Deepgram calls it")
    base_url: str = ENDPOINT.url_field()
    api_key: SecretStr | None = ENDPOINT.key_field()
    language: str | None = Field(
        None, min_length=2, max_length=20, description="agent.language unless given; multi: several at once"
    )
    keyterms: tuple[str, ...] = Field((), max_length=100, description="names and terms to be expected")
    punctuate: bool = Field(True, description="punctuation and capitals")
    smart_format: bool = Field(False, description="numbers, dates and addresses as they are written")
    endpointing: Duration = Field(
        300 * MS,
        ge=0,
        le=5 * SECOND,
        description="silence after which Deepgram holds speech to be over, for turn: {strategy: provider}; "
        "the vad's hangover has to be longer",
    )
    utterance_end: Duration | None = Field(
        None,
        ge=1 * SECOND,
        le=5 * SECOND,
        description="the same by a gap between words, for noisy lines where silence is never heard",
    )
    opt_out: bool = Field(False, description="audio isn't kept to train Deepgram's models; costs more")
    keep_open: Duration = Field(
        60 * SECOND,
        ge=0,
        le=600 * SECOND,
        description="how long a connection waits for the caller's next utterance; 0s: a new one for each",
    )


class Deepgram(SttProvider):
    name = "deepgram"
    clock = "real"
    extra = "cloud"
    packages = ("websockets",)
    keys = ("DEEPGRAM_API_KEY",)
    Config = DeepgramConfig
    config: DeepgramConfig
    every_s: ClassVar[float] = 4.0
    """Without audio and without ``KeepAlive`` for 10 s the server closes; it asks for one every 3 to 5 s."""
    patience_s: ClassVar[float] = 1.0
    """``Finalize`` is answered within some 100 ms; or not at all, where next to nothing was left to do."""

    def __init__(self, config: DeepgramConfig, host: Host) -> None:
        super().__init__(config, host)
        self._web = WebSockets(config, host, scheme="Token")
        path = f"/listen?{urlencode(self._query(), doseq=True)}"
        self._pool = SocketPool(
            lambda: self._web.open(path),
            keep_ns=config.keep_open,
            keep_alive=KEEP_ALIVE,
            every_s=self.every_s,
            goodbye=CLOSE_STREAM,
        )

    def _query(self) -> dict[str, object]:
        config = self.config
        spoken = self.host.language
        asked: dict[str, object] = {
            "model": config.model,
            "language": config.language or (spoken if spoken in REGIONAL else spoken.partition("-")[0]),
            "encoding": "linear16",
            "sample_rate": self.rate,
            "channels": 1,
            "interim_results": "true",
            "punctuate": _flag(config.punctuate),
            "smart_format": _flag(config.smart_format),
            "endpointing": config.endpointing // MS or "false",
            "keyterm": config.keyterms,
            "mip_opt_out": _flag(config.opt_out),
        }
        if config.utterance_end:
            asked["utterance_end_ms"] = config.utterance_end // MS
        return asked

    async def start(self) -> None:
        """Connect, so that the first utterance needn't, and to know of a refused key before the call."""
        await self._web.load(self.config.model)
        async with self._web.trying(self.close):
            await self._pool.prepare()

    async def close(self) -> None:
        await self._pool.close()
        await self._web.close()

    def check(self) -> list[str]:
        return self._web.check()

    def billed(self, silence_ms: int) -> Mapping[UsageUnit, int]:
        """Audio is billed whatever is in it, and a connection that rests isn't (/docs/audio-keep-alive)."""
        return {"audio_in_ms": silence_ms}

    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        exchange = Exchange(
            audio,
            rate=self.rate,
            encode=lambda pcm: pcm.astype("<i2").tobytes(),
            ending=FINALIZE,
            patience_s=self.patience_s,
            keep_alive=KEEP_ALIVE,
            every_s=self.every_s,
        )
        connection: Pooled | None = None
        complete = False
        try:
            if not await exchange.begin():
                yield Hypothesis(text="", final=True)
                return
            connection = await self._pool.take(call.session)
            await exchange.attach(connection.socket)
            heard = Heard(since_ms=self._ms(connection.at), told=self._web.told)
            while not complete and not exchange.exhausted:
                message = await exchange.receive()
                if message is not None and heard.note(message):
                    yield heard.hypothesis()
                complete = exchange.over and heard.complete(self._ms(exchange.samples))
            yield heard.hypothesis(final=True)
        except self._web.failures as error:
            raise self._web.error(error) from None
        finally:
            await exchange.close()
            if exchange.samples:
                call.set_usage("audio_in_ms", round(self._ms(exchange.samples)), estimated=not complete)
            if connection is not None:
                connection.at += exchange.samples
                await (self._pool.give_back if complete else self._pool.drop)(connection)

    def _ms(self, samples: int) -> float:
        return samples * 1000 / self.rate


def _flag(value: bool) -> str:
    return "true" if value else "false"
