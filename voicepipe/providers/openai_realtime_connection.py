"""One connection to a Realtime server: the session's settings, the server's conversation, its replies.

``RealtimeConnection`` says what each method promises. Nothing here has a task of its own: who iterates
``events`` reads the socket for all that wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from voicepipe.audio.pcm import Pcm
from voicepipe.core.calls import Call
from voicepipe.core.messages import Message, ToolCall
from voicepipe.errors import ProviderError
from voicepipe.providers import openai_realtime_events as wire
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.openai_realtime_config import OpenAIRealtimeConfig
from voicepipe.providers.openai_realtime_hearing import Hearing
from voicepipe.providers.openai_realtime_line import Line
from voicepipe.providers.openai_realtime_mailbox import Failure
from voicepipe.providers.openai_realtime_order import Order
from voicepipe.providers.openai_realtime_post import Post
from voicepipe.providers.openai_realtime_reply import Reply
from voicepipe.providers.openai_realtime_session import Edge, edge_of
from voicepipe.providers.openai_realtime_usage import Context, Tally
from voicepipe.providers.realtime_base import CallerItem, ReplyAudio, ReplyText
from voicepipe.providers.vendor_errors import broken_off

STILL_BUSY_S = 2.0
"""How long a reply waits for the end of one that was broken off; the server refuses two at once."""

MOST_ITEMS = 100
"""Replies whose lengths are remembered. Only the last ones are ever cut."""


class Connection:
    """``line`` was just opened."""

    def __init__(self, line: Line, config: OpenAIRealtimeConfig, *, finds_turns: bool) -> None:
        self._line = line
        self._config = config
        self._post = Post(line.key)
        self._context = Context()
        self._hearing = Hearing(line, self._post, self._context, config, finds_turns=finds_turns)
        self._order = Order()
        self._lengths: OrderedDict[str, float] = OrderedDict()
        """Milliseconds of audio of the replies' items."""
        self._closing = False

    async def begin(self, session: dict[str, Any]) -> None:
        """Wait for the server's greeting, and have ``session`` accepted."""
        await self._expect("session.created")
        await self._line.send({"type": "session.update", "event_id": "session", "session": session})
        await self._expect("session.updated")
        self._context.wrote(len(session["instructions"]) + len(json.dumps(session["tools"])))

    async def _expect(self, kind: str) -> None:
        while True:
            event = wire.parsed(await self._line.receive())
            if event["type"] == "error":
                raise wire.refusal(wire.table_in(event, "error"), self._line.key)
            if event["type"] == kind:
                return

    async def close(self) -> None:
        self._closing = True
        self._lose(lambda: broken_off(wire.PROVIDER, "the connection was closed"))
        await self._line.close()

    async def events(self) -> AsyncGenerator[Edge, None]:
        try:
            while True:
                message = await self._line.receive()
                event = wire.parsed(message)
                self._order.note(event)
                if (unwanted := self._post.deliver(event, len(message))) is not None:
                    await self._line.send(wire.cancellation(unwanted))
                if (edge := edge_of(self._config.turn_detection, event)) is not None:
                    self._hearing.note(edge)
                    yield edge
        except ProviderError as error:
            if self._closing:
                return
            lost = error  # Python forgets an exception's own name after its clause
            self._lose(lambda: wire.again(lost))
            raise

    def _lose(self, failure: Failure) -> None:
        self._line.lost = self._line.lost or failure
        self._post.lose(failure)

    # ── the caller ───────────────────────────────────────────────────────────────────────────────

    async def append(self, pcm: Pcm) -> None:
        await self._hearing.append(pcm)

    async def clear(self) -> None:
        await self._hearing.clear()

    def hear(self, call: Call, item_id: str | None = None) -> AsyncGenerator[CallerItem | Hypothesis, None]:
        return self._hearing.hear(call, item_id)

    # ── the conversation ─────────────────────────────────────────────────────────────────────────

    async def add(self, message: Message, *, before: str | None = None) -> str:
        return await self._create(message, None if before is None else self._order.before(before))

    async def replace(self, item_id: str, message: Message) -> str:
        new = await self._create(message, item_id)
        await self.delete(item_id)
        return new

    async def _create(self, message: Message, after: str | None) -> str:
        """The id of the first of the items, which stand behind ``after``, or at the end."""
        first = ""
        for item in wire.items_of(message):
            name = f"vp_{self._line.number():06d}"
            place = {} if after is None else {"previous_item_id": after}
            event = {"type": "conversation.item.create", "event_id": f"create-{name}", **place}
            await self._line.send({**event, "item": {"id": name, **item}})
            self._context.wrote(len(json.dumps(item)))
            if after is not None:
                self._order.insert(name, after)
                after = name
            first = first or name
        return first

    async def truncate(self, item_id: str, audio_ms: int) -> None:
        length = int(self._lengths.get(item_id, 0))
        if not length:  # the server cuts only what has any audio
            await self.delete(item_id)
            return
        cut = {"item_id": item_id, "content_index": 0, "audio_end_ms": min(audio_ms, length)}
        event_id = f"truncate-{self._line.number()}"
        await self._line.send({"type": "conversation.item.truncate", "event_id": event_id, **cut})

    async def delete(self, item_id: str) -> None:
        self._order.remove(item_id)
        event_id = f"delete-{self._line.number()}"
        await self._line.send({"type": "conversation.item.delete", "event_id": event_id, "item_id": item_id})

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
        tag = str(self._line.number())
        tally = Tally(call, self._context, with_context=remember and say is None, asked=len(say or ""))
        reply = Reply(
            post.ask(tag, in_band=remember),
            tally,
            audio_format=self._config.output_format,
            rate=self._config.rate,
            key=self._line.key,
            on_audio=self._note_audio,
        )
        try:
            asked = wire.response_of(tag, say, remember=remember)
            await self._line.send(
                {"type": "response.create", "event_id": f"respond-{tag}", "response": asked}
            )
            tally.billed = True
            async with aclosing(reply.events()) as events:
                async for event in events:
                    yield event
        finally:
            await reply.close(self._line.send)

    def _note_audio(self, item_id: str, ms: float) -> None:
        self._lengths[item_id] = self._lengths.get(item_id, 0.0) + ms
        if len(self._lengths) > MOST_ITEMS:
            self._lengths.popitem(last=False)
