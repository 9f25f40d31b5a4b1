"""TTS ``elevenlabs``: voices of ElevenLabs, over a WebSocket that is opened before the first words.

Protocol: see ``elevenlabs_protocol``. Each chunk of a reply is a context of its own on a connection that
nobody else uses meanwhile, and that then serves the next chunk. A chunk that is cut off takes its connection
along, since the server would speak it to its end; another one is opened at once.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from voicepipe.core.beside import Beside
from voicepipe.core.calls import Call, Host
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers import elevenlabs_protocol as protocol
from voicepipe.providers.base import Speech, TtsProvider, Word
from voicepipe.providers.elevenlabs_config import ENDPOINT, KEY_VARIABLE, SERVERS_IDLE_S, ElevenLabsConfig
from voicepipe.providers.socket_pool import Pooled, SocketPool
from voicepipe.providers.speech_tally import Asked, SpeechTally
from voicepipe.providers.vendor_errors import bad_answer, broken_off
from voicepipe.speech.character_times import CharacterTimes
from voicepipe.speech.chunker import has_words
from voicepipe.speech.pieces import harmless, pieces

IDLE_NS = (SERVERS_IDLE_S - 10) * SECOND

EVERYONE = ""
"""To the pool all calls are of one session: a voice remembers nobody."""


class ElevenLabs(TtsProvider):
    name = protocol.NAME
    clock = "real"
    extra = ENDPOINT.extra
    packages = ("websockets",)
    keys = (KEY_VARIABLE,)
    Config = ElevenLabsConfig
    config: ElevenLabsConfig

    def __init__(self, config: ElevenLabsConfig, host: Host) -> None:
        super().__init__(config, host)
        self._web = protocol.ElevenSockets(config, host, header="xi-api-key", scheme="")
        self._pool = SocketPool(self._open, keep_ns=IDLE_NS)
        self._another: Beside[None] = Beside()
        self._contexts = itertools.count(1)

    @property
    def rate(self) -> int:
        return self.config.rate

    def check(self) -> list[str]:
        problems = self._web.check()
        try:
            self._path()
        except SetupError as error:
            problems.append(str(error))
        return problems

    async def start(self) -> None:
        """Open the first connection. `SetupError`: no package, key, voice or server."""
        self._path()
        await self._web.load(self.config.model)
        async with self._web.trying(self.close):
            await self._pool.give_back(await self._fresh())

    async def close(self) -> None:
        await self._another.stop()
        await self._pool.close()
        await self._web.close()

    def _path(self) -> str:
        return self.config.path(self.host.voice, self.host.language)

    async def _open(self) -> Any:
        return await self._web.open(self._path())

    async def _fresh(self) -> Pooled:
        return Pooled(await self._open(), asyncio.get_running_loop().time(), EVERYONE)

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        tally = SpeechTally(call, by_tokens=False, rate=self.rate)
        before = 0
        try:
            for piece, _ in pieces(harmless(text), protocol.PIECE):
                if not piece.strip():
                    continue
                asked = tally.ask(piece)
                async with aclosing(self._speak(asked, before)) as events:
                    async for event in events:
                        yield event
                before += asked.samples
        finally:
            tally.close()

    async def _speak(self, asked: Asked, before: int) -> AsyncGenerator[Speech | Word, None]:
        """One context, after ``before`` samples of others."""
        asked.billed = False
        pooled = await self._pool.take(EVERYONE)
        complete = False
        try:
            asked.billed = None
            context = f"voicepipe-{next(self._contexts)}"
            for part in protocol.request(context, asked.text, self.config.voice_settings()):
                await pooled.socket.send(part)
            async with aclosing(self._spoken(pooled.socket, context, asked, before)) as events:
                async for event in events:
                    yield event
            complete = True
        except ProviderError:
            asked.billed = bool(asked.samples)
            raise
        except self._web.failures as error:
            raise self._web.error(error) from None
        finally:
            if complete:
                await self._pool.give_back(pooled)
            else:
                await self._cut_off(pooled)

    async def _spoken(
        self, socket: Any, context: str, asked: Asked, before: int
    ) -> AsyncGenerator[Speech | Word, None]:
        """What comes of ``context``; a word before the audio in which its last letter begins."""
        from voicepipe.audio.pcm_bytes import PcmBytes  # noqa: PLC0415 - NumPy, which validating doesn't need

        pcm, words = PcmBytes(), CharacterTimes(asked.text, before * 1000 / self.rate)
        final = False
        while not final:
            async with asyncio.timeout(self.config.read_timeout / SECOND):
                answer = protocol.parsed(await socket.recv())
            if answer.get("error") or answer.get("detail"):
                raise self._web.refusal(answer)
            if answer.get("contextId", context) != context:
                continue
            offset_ms = (before + pcm.samples) * 1000 / self.rate
            for word in words.push(protocol.times_of(answer, offset_ms)):
                yield word
            block = pcm.push(protocol.audio_of(answer))
            if block.size:
                asked.billed, asked.samples = True, pcm.samples
                yield Speech(pcm=block)
            final = answer.get("isFinal") is True
        for word in words.finish((before + pcm.samples) * 1000 / self.rate):
            yield word
        if pcm.split:
            raise broken_off(self.name, "the audio ended within a sample")
        if not pcm.samples and has_words(asked.text):
            raise bad_answer(self.name, "the server answered without any audio")

    async def _cut_off(self, pooled: Pooled) -> None:
        """Without waiting for what the server has still to say, which may be much; and have another one."""
        pooled.socket.transport.abort()
        await self._pool.drop(pooled)
        if self._another.ready:
            await self._another.stop()
        if not self._another.busy:  # nor has another call begun with it meanwhile
            self._another.start(self._replace())

    async def _replace(self) -> None:
        try:
            await self._pool.give_back(await self._fresh())
        except ProviderError:
            return  # the next call meets the same, and says it
