"""One reply of a Realtime model: asked for, given piece by piece, cancelled when nobody wants the rest."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from voicepipe.audio import g711
from voicepipe.audio.pcm import Pcm
from voicepipe.audio.pcm_bytes import PcmBytes
from voicepipe.core.messages import ToolCall
from voicepipe.errors import ProviderError
from voicepipe.providers import openai_realtime_events as wire
from voicepipe.providers.openai_realtime_mailbox import Mailbox
from voicepipe.providers.openai_realtime_usage import Tally
from voicepipe.providers.realtime_base import ReplyAudio, ReplyText
from voicepipe.providers.vendor_errors import bad_answer

LAST_WORDS_S = 0.2
"""A round trip around the world, in which the server tells what a reply that was broken off has cost."""

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Reply:
    """``events`` until the end, and ``close`` in any case."""

    def __init__(
        self,
        box: Mailbox,
        tally: Tally,
        *,
        audio_format: str,
        rate: int,
        key: str | None,
        on_audio: Callable[[str, float], None],
    ) -> None:
        """``on_audio`` is told the item and the milliseconds of each piece of audio."""
        self._box = box
        self._tally = tally
        self._format = audio_format
        self._rate = rate
        self._key = key
        self._on_audio = on_audio
        self._bytes: tuple[str, PcmBytes] | None = None
        """What is left of the audio of an item."""
        self._calls: set[str] = set()
        self._begun = False
        self._given = False
        self._done = False

    async def events(self) -> AsyncGenerator[ReplyAudio | ReplyText | ToolCall, None]:
        while not self._done:
            event = await self._next()
            match event["type"]:
                case "response.output_audio.delta":
                    audio = self._audio(event)
                    if audio.pcm.size:
                        self._given = True
                        yield audio
                case "response.output_audio_transcript.delta" | "response.output_text.delta":
                    self._given = True
                    text = wire.text_in(event, "delta")
                    self._tally.characters += len(text)
                    yield ReplyText(item_id=wire.text_in(event, "item_id"), text=text)
                case "response.output_item.done":
                    if call := self._call(wire.table_in(event, "item")):
                        yield call
                case "response.done":
                    response = wire.table_in(event, "response")
                    self._end(response)
                    # Some servers tell of a call nowhere else.
                    for item in wire.tables_in(response, "output"):
                        if call := self._call(item):
                            yield call
                    if failure := wire.failure_of(response, self._key, given=self._given):
                        raise failure

    async def _next(self) -> dict[str, Any]:
        try:
            event = await self._box.get()
        except ProviderError:
            self._tally.billed = self._begun  # what was refused costs nothing
            raise
        self._begun = True
        return event

    def _end(self, response: dict[str, Any]) -> None:
        self._done = True
        self._tally.report(wire.table_in(response, "usage"))

    def _audio(self, event: dict[str, Any]) -> ReplyAudio:
        item_id = wire.text_in(event, "item_id")
        try:
            data = b64decode(wire.text_in(event, "delta"), validate=True)
        except NotBase64:
            raise bad_answer(wire.PROVIDER, "the server sent audio that isn't base64") from None
        pcm = self._decode(item_id, data)
        ms = pcm.size * 1000 / self._rate
        self._tally.audio_ms += ms
        self._on_audio(item_id, ms)
        return ReplyAudio(item_id=item_id, pcm=pcm)

    def _decode(self, item_id: str, data: bytes) -> Pcm:
        if self._format != "pcm":
            return g711.decode_ulaw(data) if self._format == "pcmu" else g711.decode_alaw(data)
        if self._bytes is None or self._bytes[0] != item_id:
            self._bytes = (item_id, PcmBytes())
        return self._bytes[1].push(data)

    def _call(self, item: dict[str, Any]) -> ToolCall | None:
        call = wire.complete_call(item)
        if call is None or call.id in self._calls:
            return None
        self._calls.add(call.id)
        self._given = True
        self._tally.characters += len(call.name) + len(call.arguments)
        return call

    async def close(self, send: Send) -> None:
        """Cancel what isn't done, and account for it."""
        try:
            if not self._done:
                await self._cancel(send)
        finally:
            self._tally.close()

    async def _cancel(self, send: Send) -> None:
        box = self._box
        box.close()
        try:
            if box.response_id is not None:
                await send(wire.cancellation(box.response_id))
            async with asyncio.timeout(LAST_WORDS_S):
                while not self._done:
                    event = await box.get()
                    if event["type"] == "response.done":
                        self._end(wire.table_in(event, "response"))
        except (ProviderError, TimeoutError):
            return  # the connection is gone, or the server is slow: what was consumed is estimated
