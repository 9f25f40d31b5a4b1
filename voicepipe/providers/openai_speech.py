"""TTS ``openai``: the speech endpoint of OpenAI, and of servers that are compatible with it (`base_url`).

Protocol: https://platform.openai.com/docs/api-reference/audio/createSpeech, which takes 4096 characters and
gives 24 kHz, and https://developers.openai.com/api/docs/guides/text-to-speech for the voices. It tells no
words. OpenAI's own models are announced to be shut down on 2027-01-06
(https://developers.openai.com/api/docs/deprecations); the protocol lives on in Kokoro, vLLM and others.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, SecretStr

from voicepipe.core.calls import Call, Host
from voicepipe.core.extras import require
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Speech, TtsProvider, Word
from voicepipe.providers.endpoint import EndpointConfig
from voicepipe.providers.openai_endpoint import KEY_VARIABLE, Connection, openai_itself
from voicepipe.providers.openai_speech_stream import spoken
from voicepipe.providers.speech_tally import Asked, SpeechTally
from voicepipe.providers.vendor_errors import bad_answer
from voicepipe.speech.chunker import has_words
from voicepipe.speech.pieces import harmless, pieces

if TYPE_CHECKING:
    from voicepipe.core.frames import Pcm

OPENAI = openai_itself("tts")

RATE = 24_000
"""Samples per second of ``response_format: pcm``."""

PIECE = 1500
"""Characters of one request, over a minute of speech. Besides the 4096 characters, gpt-4o-mini-tts has a
limit of 2000 tokens, and in some scripts a character is one."""


class OpenAISpeechConfig(EndpointConfig):
    endpoint = OPENAI
    model: str = Field(min_length=1, max_length=200, description="as the server calls it")
    voice: str | None = Field(
        None, min_length=1, max_length=200, description="default: `agent.voice`, then `alloy`"
    )
    instructions: str | None = Field(
        None, max_length=4096, description="how to speak: accent, tone, pace; not for `tts-1`"
    )
    speed: float | None = Field(None, ge=0.25, le=4, description="1 is the voice's own")
    stream_format: Literal["audio", "sse"] | None = Field(
        None, description="sse tells the tokens; default: where OpenAI bills them, else audio"
    )
    rate: int = Field(
        RATE, ge=8_000, le=48_000, description="samples per second that the server gives; OpenAI gives 24000"
    )
    base_url: str = OPENAI.url_field()
    api_key: SecretStr | None = OPENAI.key_field()


class OpenAISpeech(TtsProvider):
    name = "openai"
    clock = "real"
    extra = "local"
    packages = ("openai",)
    keys = (KEY_VARIABLE,)
    Config = OpenAISpeechConfig
    config: OpenAISpeechConfig

    def __init__(self, config: OpenAISpeechConfig, host: Host) -> None:
        super().__init__(config, host)
        self._connection = Connection(config, host)
        own = config.endpoint.is_own(config.base_url)
        by_tokens = own and not config.model.startswith("tts-1")
        self._by_tokens = by_tokens or config.stream_format == "sse"
        voice = config.voice or host.voice or "alloy"
        optional = {
            "instructions": config.instructions,
            "speed": config.speed,
            # tts-1 refuses sse, and compatible servers may know neither.
            "stream_format": config.stream_format or ("sse" if by_tokens else None),
        }
        self._request: dict[str, Any] = {
            "model": config.model,
            "voice": {"id": voice} if own and voice.startswith("voice_") else voice,
            "response_format": "pcm",
            **{name: value for name, value in optional.items() if value is not None},
        }

    @property
    def rate(self) -> int:
        return self.config.rate

    async def start(self) -> None:
        """Connect, so that the first turn needn't. `SetupError`: no package, key or server."""
        # Other servers may list their own models, and answer to OpenAI's names as well.
        own = OPENAI.is_own(self.config.base_url)
        await self._connection.open(self.config.model, lists_all=own)
        self._http = require("httpx2", extra=OPENAI.extra, purpose=OPENAI.purpose)
        # Imported when first touched, and that takes a moment.
        await self.host.workers.call(lambda: self._connection.client.audio.speech)

    async def close(self) -> None:
        await self._connection.close()

    def check(self) -> list[str]:
        return self._connection.check()

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        config = self.config
        tally = SpeechTally(
            call, by_tokens=self._by_tokens, rate=self.rate, instructions=config.instructions or ""
        )
        try:
            for piece, _ in pieces(harmless(text), PIECE):
                if piece.strip():
                    async with aclosing(self._speak(tally.ask(piece))) as blocks:
                        async for pcm in blocks:
                            yield Speech(pcm=pcm)
        finally:
            tally.close()

    async def _speak(self, asked: Asked) -> AsyncGenerator[Pcm, None]:
        """One request."""
        asked.billed = False
        client, sdk = self._connection.client, self._connection.sdk
        asked.billed = None
        try:
            # Leaving before the end closes the connection, which tells the server to stop.
            async with client.audio.speech.with_streaming_response.create(
                input=asked.text, **self._request
            ) as response:
                asked.billed = True
                async with aclosing(spoken(self.name, response, asked, told=self._connection.told)) as blocks:
                    async for pcm in blocks:
                        yield pcm
            if not asked.samples and has_words(asked.text):
                raise bad_answer(self.name, "the server answered without any audio")
        except (*self._connection.failures, self._http.HTTPError) as error:
            if asked.billed is None and not isinstance(error, sdk.APITimeoutError):
                asked.billed = False
            raise self._connection.error(error) from None
        except ProviderError:
            asked.billed = bool(asked.samples)
            raise
