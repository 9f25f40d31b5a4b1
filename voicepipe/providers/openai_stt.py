"""STT ``openai``: transcription by OpenAI, and by servers that are compatible with it (``base_url``).

Most models take an utterance as a whole, over HTTP. Those whose name says that they are live, such as
``gpt-live-transcribe``, hear the caller while they speak, over a WebSocket.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import ClassVar, Protocol, Self

from pydantic import Field, SecretStr, model_validator

from voicepipe.core.calls import Call, Host
from voicepipe.core.records import UsageUnit
from voicepipe.core.units import SECOND, Duration
from voicepipe.providers.base import Hypothesis, Pcm, SttProvider
from voicepipe.providers.endpoint import Endpoint, EndpointConfig
from voicepipe.providers.openai_endpoint import KEY_VARIABLE, openai_itself
from voicepipe.providers.openai_file_transcription import FileTranscription
from voicepipe.providers.openai_live_transcription import LiveTranscription

OPENAI = replace(openai_itself("stt"), extra="cloud")

_LIVE = ("gpt-live-", "gpt-realtime-whisper")
_MANY_LANGUAGES = ("gpt-transcribe", "gpt-live-")
"""The models that take ``languages`` and ``keywords``; the ones before them take one ``language``."""


class OpenAISttConfig(EndpointConfig):
    endpoint: ClassVar[Endpoint] = OPENAI
    model: str = Field("gpt-transcribe", min_length=1, max_length=200, description="as the server calls it")
    language: str | None = Field(
        None,
        min_length=2,
        max_length=20,
        description="agent.language unless given; auto: the model finds out",
    )
    prompt: str | None = Field(
        None, max_length=4000, description="what it is about, in the caller's language"
    )
    keywords: tuple[str, ...] = Field((), max_length=100, description="names and terms to be expected")
    live: bool | None = Field(
        None,
        description="over a WebSocket while the caller speaks; default: as the model's name says",
    )
    keep_open: Duration = Field(
        60 * SECOND,
        ge=0,
        le=600 * SECOND,
        description="live: how long a connection waits for the next utterance; 0s: a new one for each",
    )
    base_url: str = OPENAI.url_field()
    api_key: SecretStr | None = OPENAI.key_field()

    @model_validator(mode="after")
    def _keywords_where_they_are_known(self) -> Self:
        if self.keywords and self.endpoint.is_own(self.base_url) and not self.takes_many_languages:
            raise ValueError(f"{self.model} takes no keywords; write them into the prompt")
        return self

    @property
    def is_live(self) -> bool:
        return self.model.startswith(_LIVE) if self.live is None else self.live

    @property
    def takes_many_languages(self) -> bool:
        return self.model.startswith(_MANY_LANGUAGES)

    def hints(self, spoken: str) -> dict[str, object]:
        """What a request says of the speech; ``spoken`` is the agent's language."""
        language = (self.language or spoken).partition("-")[0].lower()
        found: dict[str, object] = {}
        if language != "auto":
            found = {"languages": [language]} if self.takes_many_languages else {"language": language}
        if self.prompt:
            found["prompt"] = self.prompt
        if self.keywords:
            found["keywords"] = list(self.keywords)
        return found


class _Way(Protocol):
    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def check(self) -> list[str]: ...

    def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]: ...


class OpenAIStt(SttProvider):
    name = "openai"
    clock = "real"
    extra = "cloud"
    packages = ("openai", "websockets")
    keys = (KEY_VARIABLE,)
    Config = OpenAISttConfig
    config: OpenAISttConfig

    def __init__(self, config: OpenAISttConfig, host: Host) -> None:
        super().__init__(config, host)
        hints = config.hints(host.language)
        self._way: _Way = (
            LiveTranscription(config, host, config.model, hints, rate=self.rate, keep_ns=config.keep_open)
            if config.is_live
            else FileTranscription(config, host, config.model, hints, rate=self.rate)
        )

    async def start(self) -> None:
        """Connect, so that the first utterance needn't. ``SetupError``: no package, key or server."""
        await self._way.start()

    async def close(self) -> None:
        await self._way.close()

    def check(self) -> list[str]:
        return self._way.check()

    def billed(self, silence_ms: int) -> Mapping[UsageUnit, int]:
        """The live ones are billed by the length of what is committed
        (https://developers.openai.com/api/docs/models/gpt-live-transcribe); others get utterances only."""
        return {"audio_in_ms": silence_ms} if self.config.is_live else {}

    def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        return self._way.transcribe(call, audio)
