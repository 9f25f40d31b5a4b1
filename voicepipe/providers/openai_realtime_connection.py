"""One connection to a Realtime server: the session's settings, the caller's audio, transcripts and replies.

``RealtimeConnection`` says what each method promises. Nothing here has a task of its own: who iterates
``events`` reads the socket for all that wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from base64 import b64encode
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import numpy as np

from voicepipe.audio import g711
from voicepipe.audio.pcm import Pcm
from voicepipe.core.calls import Call
from voicepipe.core.frames import UNRECOGNISED
from voicepipe.core.messages import Message, ToolCall
from voicepipe.errors import ProviderError
from voicepipe.providers import openai_realtime_events as wire
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.openai_realtime_post import Post
from voicepipe.providers.openai_realtime_reply import Reply
from voicepipe.providers.openai_realtime_session import OpenAIRealtimeConfig
from voicepipe.providers.openai_realtime_usage import Context, Tally, report_transcript
from voicepipe.providers.realtime_base import (
    CallerItem,
    CallerSilent,
    CallerStarted,
    CallerStopped,
    ReplyAudio,
    ReplyText,
)
from voicepipe.providers.vendor_errors import broken_off
from voicepipe.providers.web_socket import WebSockets

LEAST_COMMIT_MS = 100
"""The server refuses less."""

STILL_BUSY_S = 2.0
"""How long a reply waits for the end of one that was broken off; the server refuses two at once."""

MOST_ITEMS = 100
"""Replies whose lengths are remembered. Only the last ones are ever cut."""

_APPEND = b'{"type":"input_audio_buffer.append","audio":"'
_ENCODE: dict[str, Callable[[Pcm], bytes]] = {
    "pcm": lambda pcm: pcm.astype("<i2", copy=False).tobytes(),
    "pcmu": g711.encode_ulaw,
    "pcma": g711.encode_alaw,
}


class Connection:
    """``socket`` is one of ``websockets``, just opened."""

    def __init__(
        self,
        socket: Any,
        web: WebSockets,
        config: OpenAIRealtimeConfig,
        *,
        key: str | None,
        finds_turns: bool,
    ) -> None:
        self._socket = socket
        self._web = web
        self._config = config
        self._key = key
        self._finds_turns = finds_turns
        self._encode = _ENCODE[config.input_format]
        self._post = Post(key)
        self._context = Context()
        self._numbers = itertools.count(1)
        self._unheard = 0
        """Samples since the last utterance."""
        self._lengths: OrderedDict[str, float] = OrderedDict()
        """Milliseconds of audio of the replies' items."""
        self._closing = False

    async def begin(self, session: dict[str, Any], history: Sequence[Message]) -> None:
        """Wait for the server's greeting, and have ``session`` accepted."""
        await self._expect("session.created")
        await self._send({"type": "session.update", "event_id": "session", "session": session})
        await self._expect("session.updated")
        self._context.wrote(len(session["instructions"]) + len(json.dumps(session["tools"])))
        for message in history:
            await self.add(message)

    async def _expect(self, kind: str) -> None:
        while True:
            event = wire.parsed(await self._receive())
            if event["type"] == "error":
                raise wire.refusal(wire.table_in(event, "error"), self._key)
            if event["type"] == kind:
                return

    async def close(self) -> None:
        self._closing = True
        self._post.lose(lambda: broken_off(wire.PROVIDER, "the connection was closed"))
        await self._socket.close()

    # ── the socket ───────────────────────────────────────────────────────────────────────────────

    async def _receive(self) -> str | bytes:
        try:
            message: str | bytes = await self._socket.recv()
        except self._web.failures as error:
            raise self._web.error(error) from None
        return message

    async def _send(self, event: dict[str, Any]) -> None:
        await self._send_text(json.dumps(event, ensure_ascii=False).encode())

    async def _send_text(self, text: bytes) -> None:
        try:
            await self._socket.send(text, text=True)
        except self._web.failures as error:
            raise self._web.error(error) from None

    async def events(self) -> AsyncGenerator[CallerStarted | CallerStopped | CallerSilent, None]:
        try:
            while True:
                message = await self._receive()
                event = wire.parsed(message)
                if (unwanted := self._post.deliver(event, len(message))) is not None:
                    await self._send(wire.cancellation(unwanted))
                if (edge := self._config.edge(event)) is not None:
                    yield edge
        except ProviderError as error:
            if self._closing:
                return
            lost = error  # Python forgets an exception's own name after its clause
            self._post.lose(lambda: wire.again(lost))
            raise

    # ── the caller ───────────────────────────────────────────────────────────────────────────────

    async def append(self, pcm: Pcm) -> None:
        self._unheard += len(pcm)
        await self._send_text(b'%b%b"}' % (_APPEND, b64encode(self._encode(pcm))))

    async def clear(self) -> None:
        self._unheard = 0
        await self._send({"type": "input_audio_buffer.clear", "event_id": f"clear-{next(self._numbers)}"})

    async def hear(
        self, call: Call, item_id: str | None = None
    ) -> AsyncGenerator[CallerItem | Hypothesis, None]:
        ms = self._unheard * 1000 / self._config.rate_in
        found = item_id or await self._commit()
        if found is None:
            yield Hypothesis(text="", final=True)
            return
        self._context.heard(ms)
        yield CallerItem(item_id=found)
        transcription = self._config.transcription
        if transcription is None:
            yield Hypothesis(text=UNRECOGNISED, final=True)
            return
        call.model = transcription.model
        try:
            async with aclosing(self._transcript(call, found)) as hypotheses:
                async for hypothesis in hypotheses:
                    yield hypothesis
        finally:
            self._post.forget(found)
            if not call.usage:
                call.set_usage("audio_in_ms", round(ms), estimated=True)

    async def _commit(self) -> str | None:
        """Make an item of the audio since the last one; its id, None if there was none."""
        samples, self._unheard = self._unheard, 0
        if not self._finds_turns:
            if not samples:
                return None
            missing = self._config.rate_in * LEAST_COMMIT_MS // 1000 - samples
            if missing > 0:
                await self.append(np.zeros(missing, np.int16))
                self._unheard = 0
        event_id = f"commit-{next(self._numbers)}"
        box = self._post.commit(event_id)
        await self._send({"type": "input_audio_buffer.commit", "event_id": event_id})
        event = await box.get()
        if event["type"] == "empty":  # the server has found the end by itself, or heard nothing
            return self._post.take_found()
        return wire.text_in(event, "item_id")

    async def _transcript(self, call: Call, item_id: str) -> AsyncGenerator[Hypothesis, None]:
        box, text = self._post.words(item_id), ""
        while True:
            event = await box.get()
            match event["type"].rpartition(".")[2]:
                case "delta":
                    delta = event.get("delta")
                    text += delta if isinstance(delta, str) else ""
                    yield Hypothesis(text=text.strip(), final=False)
                case "completed":
                    report_transcript(call, wire.table_in(event, "usage"))
                    yield Hypothesis(text=wire.text_in(event, "transcript").strip(), final=True)
                    return
                case "failed":
                    yield Hypothesis(text=UNRECOGNISED, final=True)
                    return

    # ── the conversation ─────────────────────────────────────────────────────────────────────────

    async def add(self, message: Message) -> str:
        return await self._create(message, None)

    async def replace(self, item_id: str, message: Message) -> str:
        new = await self._create(message, item_id)
        await self.delete(item_id)
        return new

    async def _create(self, message: Message, after: str | None) -> str:
        """The id of the first of the items."""
        first = ""
        for item in wire.items_of(message):
            name = f"vp_{next(self._numbers):06d}"
            place = {} if after is None else {"previous_item_id": after}
            event = {"type": "conversation.item.create", "event_id": f"create-{name}", **place}
            await self._send({**event, "item": {"id": name, **item}})
            self._context.wrote(len(json.dumps(item)))
            first, after = first or name, None if after is None else name
        return first

    async def truncate(self, item_id: str, audio_ms: int) -> None:
        length = int(self._lengths.get(item_id, 0))
        if not length:  # the server cuts only what has any audio
            await self.delete(item_id)
            return
        cut = {"item_id": item_id, "content_index": 0, "audio_end_ms": min(audio_ms, length)}
        event_id = f"truncate-{next(self._numbers)}"
        await self._send({"type": "conversation.item.truncate", "event_id": event_id, **cut})

    async def delete(self, item_id: str) -> None:
        event_id = f"delete-{next(self._numbers)}"
        await self._send({"type": "conversation.item.delete", "event_id": event_id, "item_id": item_id})

    # ── replies ──────────────────────────────────────────────────────────────────────────────────

    async def respond(
        self, call: Call, *, say: str | None = None, remember: bool = True
    ) -> AsyncGenerator[ReplyAudio | ReplyText | ToolCall, None]:
        post = self._post
        if remember:
            with contextlib.suppress(TimeoutError):  # then the server says what it thinks of it
                async with asyncio.timeout(STILL_BUSY_S):
                    await post.idle.wait()
        refused, post.refused = post.refused, None
        if refused is not None:
            raise refused
        tag = str(next(self._numbers))
        tally = Tally(call, self._context, with_context=remember and say is None, asked=len(say or ""))
        reply = Reply(
            post.ask(tag, in_band=remember),
            tally,
            audio_format=self._config.output_format,
            rate=self._config.rate,
            key=self._key,
            on_audio=self._note_audio,
        )
        try:
            asked = wire.response_of(tag, say, remember=remember)
            await self._send({"type": "response.create", "event_id": f"respond-{tag}", "response": asked})
            async with aclosing(reply.events()) as events:
                async for event in events:
                    yield event
        finally:
            await reply.close(self._send)

    def _note_audio(self, item_id: str, ms: float) -> None:
        self._lengths[item_id] = self._lengths.get(item_id, 0.0) + ms
        if len(self._lengths) > MOST_ITEMS:
            self._lengths.popitem(last=False)
