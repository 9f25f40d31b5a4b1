"""How a scripted server speaks: the events of one response, from ``response.created`` to ``response.done``.

Order and content: https://developers.openai.com/api/docs/guides/realtime-conversations and
https://developers.openai.com/api/reference/resources/realtime/server-events.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from voicepipe.audio import g711
from voicepipe.audio.pcm import Pcm
from voicepipe.testing.realtime_conversation import (
    ASSISTANT_TOKENS_PER_SECOND,
    Conversation,
    Item,
    text_tokens,
)
from voicepipe.testing.realtime_link import Link
from voicepipe.testing.realtime_script import Reply, Tool, hum

DELTA_MS = 200
"""Audio in one event; the real server's are of about that length."""


@dataclass(frozen=True, slots=True)
class Context:
    """Tokens that a response looks at, and how many of these are cached."""

    text: int = 0
    audio: int = 0
    text_cached: int = 0
    audio_cached: int = 0


class Response:
    """One response; ``run`` sends its events. ``params`` is what the client asked for."""

    def __init__(
        self,
        link: Link,
        conversation: Conversation,
        config: dict[str, Any],
        params: dict[str, Any],
        reply: Reply,
        *,
        number: int,
        context: Context,
    ) -> None:
        self.id = f"resp_{number:06d}"
        self.in_band = params.get("conversation") != "none"
        self._link = link
        self._conversation = conversation
        self._params = params
        self._reply = reply
        self._config = config
        self._modality = (params.get("output_modalities") or self._config["output_modalities"])[0]
        own = (params.get("audio") or {}).get("output") or {}
        self._sound = {**self._config["audio"]["output"], **own}
        self._stopped: str | None = None
        self._wake = asyncio.Event()
        self._output: list[Item] = []
        self._text_out = 0
        self._context = context

    @property
    def audio_ms(self) -> float:
        """Length of what was sent so far."""
        return sum(item.audio_ms for item in self._output)

    def stop(self, reason: str) -> None:
        """``client_cancelled`` or ``turn_detected``."""
        self._stopped = self._stopped or reason
        self._wake.set()

    def go_on(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        emit = self._link.emit
        await emit("response.created", response=self._resource("in_progress"))
        await emit(
            "rate_limits.updated",
            rate_limits=[{"name": "tokens", "limit": 40000, "remaining": 39000, "reset_seconds": 1.5}],
        )
        fault = self._reply.fault
        if not await self._speak():
            return
        for tool in self._reply.tools if self._stopped is None else ():
            await self._call(tool)
        if fault and self._reply.fault_after is None and self._stopped is None and await self._strike(fault):
            return
        await emit("response.done", response=self._finished())

    # ── words and sound ──────────────────────────────────────────────────────────────────────────

    async def _speak(self) -> bool:
        """One message of all pieces; False if a fault ended everything."""
        reply, emit = self._reply, self._link.emit
        if not reply.text and reply.hold_after is None:
            return True
        if reply.hold_after == 0:
            await self._pause(None)
        if self._stopped or (reply.fault_after == 0 and reply.fault and await self._strike(reply.fault)):
            return bool(self._stopped)
        item = await self._begin({"type": "message", "role": "assistant", "content": []})
        where = {"response_id": self.id, "item_id": item.id, "output_index": len(self._output) - 1}
        place = {**where, "content_index": 0}
        spoken = self._modality == "audio"
        words = "transcript" if spoken else "text"
        part = {"type": "audio" if spoken else "text", words: ""}
        await emit("response.content_part.added", **place, part=part)
        content = {"type": "output_audio" if spoken else "output_text", words: ""}
        item.wire["content"] = [content]
        name = "response.output_audio_transcript" if spoken else "response.output_text"
        for index, piece in enumerate(reply.text):
            await self._pause(reply.delay or 0)
            if self._stopped:
                break
            content[words] += piece
            self._text_out += text_tokens(piece)
            await emit(f"{name}.delta", **place, delta=piece)
            for pcm in self._audio_of(index, piece) if spoken else ():
                await emit("response.output_audio.delta", **place, delta=pcm)
                item.audio_ms += len(base64.b64decode(pcm)) * 1000 / self._bytes_per_second
            if reply.hold_after == index + 1:
                await self._pause(None)
            if reply.fault and reply.fault_after == index + 1 and await self._strike(reply.fault):
                return False
        if spoken:
            await emit("response.output_audio.done", **place)
        await emit(f"{name}.done", **place, **{words: content[words]})
        await emit("response.content_part.done", **place, part={**part, words: content[words]})
        await self._end(item)
        return True

    @property
    def _bytes_per_second(self) -> int:
        return 48_000 if self._sound["format"]["type"] == "audio/pcm" else g711.RATE

    def _audio_of(self, index: int, piece: str) -> Iterator[str]:
        """The sound of one piece, in base64."""
        kind = self._sound["format"]["type"]
        rate = 24_000 if kind == "audio/pcm" else g711.RATE
        audio = self._reply.audio
        pcm = hum(piece, rate) if audio is None else audio[index] if index < len(audio) else hum("", rate)
        data = encode(pcm, kind)
        step = self._bytes_per_second * DELTA_MS // 1000 + (1 if self._reply.odd_cuts else 0)
        for start in range(0, len(data), step):
            yield base64.b64encode(data[start : start + step]).decode()

    async def _call(self, tool: Tool) -> None:
        emit = self._link.emit
        call_id = tool.id or f"call_{self.id}_{len(self._output)}"
        item = await self._begin(
            {"type": "function_call", "name": tool.name, "call_id": call_id, "arguments": ""}
        )
        place = {
            "response_id": self.id,
            "item_id": item.id,
            "output_index": len(self._output) - 1,
            "call_id": call_id,
        }
        for piece in tool.arguments:
            await emit("response.function_call_arguments.delta", **place, delta=piece)
        item.wire["arguments"] = "".join(tool.arguments)
        self._text_out += text_tokens(tool.name + item.wire["arguments"])
        await emit(
            "response.function_call_arguments.done",
            **place,
            name=tool.name,
            arguments=item.wire["arguments"],
        )
        await self._end(item)

    async def _begin(self, wire: dict[str, Any]) -> Item:
        item = Item(
            {"id": self._conversation.new_id(), "object": "realtime.item", "status": "in_progress", **wire}
        )
        self._output.append(item)
        await self._link.emit(
            "response.output_item.added",
            response_id=self.id,
            output_index=len(self._output) - 1,
            item=item.wire,
        )
        if self.in_band:
            before = self._conversation.append(item)
            await self._link.emit("conversation.item.added", previous_item_id=before, item=item.wire)
        return item

    async def _end(self, item: Item) -> None:
        item.wire["status"] = "incomplete" if self._stopped else "completed"
        if self.in_band:
            before = self._conversation.before(item)
            await self._link.emit("conversation.item.done", previous_item_id=before, item=item.wire)
        await self._link.emit(
            "response.output_item.done",
            response_id=self.id,
            output_index=self._output.index(item),
            item=item.wire,
        )

    # ── waiting, failing ─────────────────────────────────────────────────────────────────────────

    async def _pause(self, seconds: float | None) -> None:
        """Until it is stopped or told to go on, at most ``seconds``; others get their turn in any case."""
        if seconds == 0:
            await asyncio.sleep(0)
            return
        self._wake.clear()
        if self._stopped is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    async def _strike(self, fault: str) -> bool:
        """Whether nothing more comes of this response."""
        link = self._link
        match fault:
            case "odd":
                for text in ("[]", "7", "null", '{"kind": 1}', '{"type": 3}', '{"type": "response.audio"}'):
                    await link.send(text)
                await link.send(json.dumps({"type": "response.output_text.delta", "response_id": self.id}))
                return False
            case "bad_audio":
                place = {"response_id": self.id, "item_id": "item_0", "output_index": 0, "content_index": 0}
                await link.emit("response.output_audio.delta", **place, delta="?NaN?")
                return False
            case "stall":
                await self._pause(None)
                return False
            case "malformed":
                await link.send('{"type": "response.output_audio.del')
            case "cut_utf8":
                await link.send(
                    '{"type": "response.output_text.delta", "delta": "caf\u00e9'.encode()[:-1], text=True
                )
            case "binary":
                await link.send(b"\x00\x01\x02\x03")
            case "error":
                await link.emit("response.done", response=self._resource("failed"))
            case _:
                await link.end(fault)
        return True

    # ── the resource ─────────────────────────────────────────────────────────────────────────────

    def _finished(self) -> dict[str, Any]:
        return self._resource("cancelled" if self._stopped else self._reply.status)

    def _resource(self, status: str) -> dict[str, Any]:
        details: dict[str, Any] | None = None
        if status not in ("in_progress", "completed"):
            details = {"type": status, "reason": self._stopped or self._reply.reason}
            if status == "failed":
                details = {"type": status, "error": dict(self._reply.error)}
        fields = {
            "id": self.id,
            "object": "realtime.response",
            "status": status,
            "status_details": details,
            "output": [item.wire for item in self._output],
            "conversation_id": "conv_000001" if self.in_band else None,
            "output_modalities": [self._modality],
            "audio": {"output": {"format": self._sound["format"], "voice": self._sound["voice"]}},
            "max_output_tokens": self._params.get("max_output_tokens") or self._config["max_output_tokens"],
            "metadata": self._params.get("metadata"),
        }
        if status != "in_progress":
            fields["usage"] = self._usage()
        return fields

    def _usage(self) -> dict[str, Any]:
        if self._reply.usage is not None:
            return dict(self._reply.usage)
        context = self._context
        audio_out = round(self.audio_ms * ASSISTANT_TOKENS_PER_SECOND / 1000)
        tokens_in, tokens_out = context.text + context.audio, self._text_out + audio_out
        return {
            "total_tokens": tokens_in + tokens_out,
            "input_tokens": tokens_in,
            "output_tokens": tokens_out,
            "input_token_details": {
                "text_tokens": context.text,
                "audio_tokens": context.audio,
                "image_tokens": 0,
                "cached_tokens": context.text_cached + context.audio_cached,
                "cached_tokens_details": {
                    "text_tokens": context.text_cached,
                    "audio_tokens": context.audio_cached,
                    "image_tokens": 0,
                },
            },
            "output_token_details": {"text_tokens": self._text_out, "audio_tokens": audio_out},
        }


def encode(pcm: Pcm, kind: str) -> bytes:
    """int16 samples in the format ``audio/pcm``, ``audio/pcmu`` or ``audio/pcma``."""
    if kind == "audio/pcm":
        return pcm.astype("<i2").tobytes()
    return g711.encode_ulaw(pcm) if kind == "audio/pcmu" else g711.encode_alaw(pcm)
