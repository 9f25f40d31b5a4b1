"""The caller's side of a Realtime connection: input buffer, turn detection, transcripts, idle time-out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from voicepipe.audio import g711
from voicepipe.audio.pcm import Pcm
from voicepipe.testing.realtime_conversation import Conversation, Item
from voicepipe.testing.realtime_link import Link
from voicepipe.testing.realtime_script import Heard
from voicepipe.testing.realtime_vad import ONSET_MS, Edge, ServerVad
from voicepipe.testing.realtime_wire import Refused

LEAST_COMMIT_MS = 100
MOST_AUDIO_BYTES = 15 << 20
"""Of one ``input_audio_buffer.append``."""

_TRANSCRIPTION = "conversation.item.input_audio_transcription"
_UNINTELLIGIBLE = {
    "type": "server_error",
    "code": "audio_unintelligible",
    "message": "The audio could not be transcribed.",
}


class Mouth(Protocol):
    """What the turns of the caller do to the server's replies."""

    @property
    def busy(self) -> bool:
        """Whether a reply is under way."""
        ...

    def interrupt(self) -> None: ...

    def answer(self) -> None: ...


class Ear:
    """``audio``: all that the client appended, as int16 in pieces; ``config``: the whole session."""

    def __init__(
        self,
        link: Link,
        config: dict[str, Any],
        conversation: Conversation,
        next_heard: Callable[[], Heard],
        mouth: Mouth,
    ) -> None:
        self.audio: list[Pcm] = []
        self._link = link
        self._session = config
        self._conversation = conversation
        self._next_heard = next_heard
        self._mouth = mouth
        self._buffer = np.zeros(0, np.int16)
        self._late: list[tuple[Item, Heard]] = []
        self._position = 0
        self._next_item: str | None = None
        """Of the speech that is going on."""
        self._idle_from: int | None = None
        self._vad: ServerVad | None = None
        self.new_detection()

    @property
    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = self._session["audio"]["input"]
        return config

    @property
    def _format(self) -> str:
        return str(self._config["format"]["type"])

    @property
    def rate(self) -> int:
        return 24_000 if self._format == "audio/pcm" else g711.RATE

    def _samples(self, ms: float) -> int:
        return round(ms * self.rate / 1000)

    def new_detection(self) -> None:
        """The configuration has changed, or the buffer was emptied."""
        detection = self._config["turn_detection"]
        self._vad = ServerVad(detection, self.rate, self._position) if detection else None

    def expect_answer_after(self, ms: float) -> None:
        """A reply of that length was sent; the idle time-out begins once it has been played."""
        self._idle_from = self._position + self._samples(ms)

    # ── the client's events ──────────────────────────────────────────────────────────────────────

    async def append(self, event: dict[str, Any]) -> None:
        try:
            data = base64.b64decode(event["audio"], validate=True)
        except binascii.Error:
            raise Refused("Invalid 'audio'. Expected base64-encoded audio bytes.", param="audio") from None
        if len(data) > MOST_AUDIO_BYTES:
            raise Refused("The audio of one event is larger than 15 MiB.", param="audio")
        pcm = decode(data, self._format)
        self.audio.append(pcm)
        self._position += len(pcm)
        self._buffer = np.concatenate((self._buffer, pcm))
        if self._vad is None:
            return
        for edge in self._vad.feed(pcm):
            await self._edge(edge)
        if not self._vad.speaking:
            self._buffer = self._buffer[-self._samples(self._vad.padding_ms + ONSET_MS) :]
            await self._look_for_silence()

    async def commit(self, event: dict[str, Any]) -> None:
        length = len(self._buffer) * 1000 / self.rate
        if length < LEAST_COMMIT_MS:
            raise Refused(
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{LEAST_COMMIT_MS}ms of audio, but buffer only has {length:.2f}ms of audio.",
                "input_audio_buffer_commit_empty",
            )
        await self._take_buffer(self._next_item or self._conversation.new_id())

    async def clear(self, event: dict[str, Any]) -> None:
        self._buffer = np.zeros(0, np.int16)
        self._next_item = None
        self.new_detection()
        await self._link.emit("input_audio_buffer.cleared")

    # ── turns ────────────────────────────────────────────────────────────────────────────────────

    async def _edge(self, edge: Edge) -> None:
        detection = self._config["turn_detection"]
        if edge.kind == "started":
            self._idle_from = None
            self._next_item = self._conversation.new_id()
            self._buffer = self._buffer[-max(self._position - self._samples(edge.ms), 1) :]
            place = {"audio_start_ms": edge.ms, "item_id": self._next_item}
            await self._link.emit("input_audio_buffer.speech_started", **place)
            if detection["interrupt_response"]:
                self._mouth.interrupt()
            return
        item_id = self._next_item or self._conversation.new_id()
        await self._link.emit("input_audio_buffer.speech_stopped", audio_end_ms=edge.ms, item_id=item_id)
        await self._take_buffer(item_id)
        if detection["create_response"]:
            self._mouth.answer()

    async def _look_for_silence(self) -> None:
        """The idle time-out, counted in the caller's audio since the last reply was over."""
        detection = self._config["turn_detection"]
        timeout = detection.get("idle_timeout_ms")
        if not timeout or self._idle_from is None or self._mouth.busy:
            return
        if self._position - self._idle_from < self._samples(timeout):
            return
        began, self._idle_from = self._idle_from, None
        item_id = self._conversation.new_id()
        await self._link.emit(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=began * 1000 // self.rate,
            audio_end_ms=self._position * 1000 // self.rate,
            item_id=item_id,
        )
        await self._take_buffer(item_id, heard=Heard())
        if detection["create_response"]:
            self._mouth.answer()

    async def _take_buffer(self, item_id: str, heard: Heard | None = None) -> None:
        """What the buffer holds becomes an item; ``heard``: what is recognised in it."""
        pcm, self._buffer = self._buffer, np.zeros(0, np.int16)
        self._next_item = None
        self.new_detection()
        wire = {
            "id": item_id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        item = Item(wire, audio_ms=len(pcm) * 1000 / self.rate)
        before = self._conversation.append(item)
        await self._link.emit("input_audio_buffer.committed", previous_item_id=before, item_id=item_id)
        await self._link.emit("conversation.item.added", previous_item_id=before, item=item.wire)
        await self._link.emit("conversation.item.done", previous_item_id=before, item=item.wire)
        if self._config["transcription"] is not None:
            await self._transcribe(item, heard or self._next_heard())

    async def tell_late(self) -> None:
        """The transcripts that were to wait for a response."""
        while self._late:
            await self._transcribe(*self._late.pop(0))

    async def _transcribe(self, item: Item, heard: Heard) -> None:
        emit, place = self._link.emit, {"item_id": item.id, "content_index": 0}
        if heard.silent:
            return
        if heard.late:
            self._late.append((item, replace(heard, late=False)))
            return
        if heard.failed:
            await emit(f"{_TRANSCRIPTION}.failed", **place, error=_UNINTELLIGIBLE)
            return
        words = [f"{word} " for word in heard.text.split()]
        for piece in words if heard.pieces is None else heard.pieces:
            await emit(f"{_TRANSCRIPTION}.delta", **place, delta=piece)
        item.wire["content"][0]["transcript"] = heard.text
        usage = dict(heard.usage or {"type": "duration", "seconds": item.audio_ms / 1000})
        await emit(f"{_TRANSCRIPTION}.completed", **place, transcript=heard.text, usage=usage)


def decode(data: bytes, kind: str) -> Pcm:
    """Audio in the format ``audio/pcm``, ``audio/pcmu`` or ``audio/pcma``; half a sample is left out."""
    if kind == "audio/pcm":
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)
    return g711.decode_ulaw(data) if kind == "audio/pcmu" else g711.decode_alaw(data)
