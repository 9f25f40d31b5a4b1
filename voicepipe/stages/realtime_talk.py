"""The replies of a fused model, and its server's conversation kept as ours is.

The server's conversation differs from ours wherever something happened that it can't know: an "uh-huh" that
needs no answer, a reply that was cut off, a tool that answered late, a connection that was made anew. It is
put right before the next reply is asked for, and not before: until then nobody looks at it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from voicepipe.core.calls import Call
from voicepipe.core.frames import EndOfAudio, EndOfText, Text, UserTurn
from voicepipe.core.inbox import Outlet
from voicepipe.core.messages import Message, ToolCall
from voicepipe.core.turns import Turn
from voicepipe.providers.realtime_base import RealtimeConnection, RealtimeProvider, ReplyAudio, ReplyText
from voicepipe.speech.heard import Pace
from voicepipe.stages.base import StageContext
from voicepipe.stages.caller_audio import Utterance
from voicepipe.stages.realtime_link import Link
from voicepipe.stages.realtime_reply import Item, Reply
from voicepipe.stages.tool_rounds import with_tools

REMEMBERED = 8
"""Replies whose tools may still answer. Of older ones the server keeps what it was told."""


class Talk:
    """``reply`` answers a turn; one at a time. ``utterances`` are those that may belong to one."""

    def __init__(
        self,
        ctx: StageContext,
        link: Link,
        out: Outlet[Any],
        *,
        provider: RealtimeProvider,
        speaks: bool,
        most_rounds: int,
    ) -> None:
        self.utterances: dict[int, Utterance] = {}
        self._ctx = ctx
        self._link = link
        self._out = out
        self._provider = provider
        self._speaks = speaks
        self._most_rounds = most_rounds
        self._pace = Pace()
        self._floor = asyncio.Lock()
        self._replies: list[Reply] = []
        self._answered: set[int] = set()
        """The utterances that the last reply answers."""

    async def reply(self, frame: UserTurn) -> None:
        ctx, out = self._ctx, self._out
        async with ctx.turn(frame.turn) as turn, self._floor:
            if not ctx.speculates:
                await turn.committed()
            reply = Reply(ctx, turn.id, out, self._provider.rate, self._speaks, self._pace)
            self._replies = [*self._replies[1 - REMEMBERED :], reply]
            if frame.say is None:
                await self._answer(turn, frame, reply)
            else:
                await self._say(turn, frame, reply, frame.say)
            await out.send(EndOfText(turn=turn.id))
            if self._speaks:
                await out.send(EndOfAudio(turn=turn.id))

    async def _say(self, turn: Turn, frame: UserTurn, reply: Reply, words: str) -> None:
        if self._speaks:
            await self._ask(turn, frame, reply, say=words, remember=frame.in_history)
            return
        await reply.write(words, in_history=frame.in_history)
        if frame.in_history:
            connection = await self._link.ready(self._provider)
            reply.connection = self._link.number
            item_id = await connection.add(Message(role="assistant", text=words))
            reply.items.append(Item(item_id, None, words))

    async def _answer(self, turn: Turn, frame: UserTurn, reply: Reply) -> None:
        async def complete() -> tuple[list[ToolCall], bool]:
            reply.spoke = False
            calls = await self._ask(turn, frame, reply)
            if calls and reply.spoke and not self._speaks:  # a paragraph of its own
                await self._out.send(Text(turn=turn.id, text="\n"))
            return calls, reply.spoke

        async def fill(words: str) -> None:
            if self._speaks:
                await self._ask(turn, frame, reply, say=words, remember=False)
            else:
                await self._out.send(Text(turn=turn.id, text=f"{words}\n", in_history=False))

        async def answered(results: Sequence[Message]) -> None:
            connection = await self._link.ready(self._provider)
            if reply.connection == self._link.number:
                for message in results:
                    await self._give_result(connection, reply, message)

        await with_tools(
            self._ctx,
            turn,
            complete,
            say=fill,
            most_rounds=self._most_rounds,
            provider=self._provider.name,
            answered=answered,
        )

    async def _ask(
        self, turn: Turn, frame: UserTurn, reply: Reply, *, say: str | None = None, remember: bool = True
    ) -> list[ToolCall]:
        """One response of the model; its words and its audio go out as they come."""
        calls: list[ToolCall] = []
        async with self._ctx.provider_call(
            lambda provider, call: self._respond(provider, call, frame, reply, say, remember), turn=turn.id
        ) as events:
            async for event in events:
                if isinstance(event, ToolCall):
                    calls.append(event)
                    reply.calls[event.id] = None, ""
                else:
                    await reply.take(event, in_history=remember)
        await reply.end_item()
        return calls

    async def _respond(
        self,
        provider: RealtimeProvider,
        call: Call,
        frame: UserTurn,
        reply: Reply,
        say: str | None,
        remember: bool,
    ) -> AsyncGenerator[ReplyAudio | ReplyText | ToolCall, None]:
        connection = await self._link.ready(provider)
        if remember and reply.connection != self._link.number:
            again, reply.connection = reply.connection != 0, self._link.number
            reply.items.clear()
            await self._correct(connection)
            await self._place(connection, frame)
            if again:
                for message in self._ctx.conversation.working(frame.turn):
                    await connection.add(message)
        async with aclosing(connection.respond(call, say=say, remember=remember)) as events:
            async for event in events:
                yield event

    # ── the server's conversation ────────────────────────────────────────────────────────────────

    async def _place(self, connection: RealtimeConnection, frame: UserTurn) -> None:
        """The caller's turn stands at the end of the conversation, and what isn't a part of it doesn't."""
        wanted = set(frame.utterances)
        for position, utterance in list(self.utterances.items()):
            if position in wanted:
                await self._place_utterance(connection, utterance)
            elif position in self._answered:
                del self.utterances[position]
            elif wanted and position < max(wanted):
                del self.utterances[position]
                if utterance.item_id is not None and utterance.connection == self._link.number:
                    await connection.delete(utterance.item_id)
        self._answered = wanted
        if frame.typed:
            await connection.add(Message(role="user", text=frame.typed))

    async def _place_utterance(self, connection: RealtimeConnection, utterance: Utterance) -> None:
        if utterance.connection != self._link.number and utterance.text:
            utterance.item_id = await connection.add(Message(role="user", text=utterance.text))
            utterance.connection = self._link.number
        else:
            await utterance.placed.wait()  # it is on its way, or will be sent again by who listens

    async def _correct(self, connection: RealtimeConnection) -> None:
        """What of earlier replies the server has got wrong."""
        for reply in self._replies[:-1]:
            if reply.connection != self._link.number:
                continue  # the server of that connection is gone; this one was told what is true
            if self._speaks:
                await self._correct_audio(connection, reply)
            else:
                await self._correct_text(connection, reply)
            await self._give_late_results(connection, reply)

    async def _correct_audio(self, connection: RealtimeConnection, reply: Reply) -> None:
        for item in reply.items:
            if not item.heard_whole and item.heard_ms:
                await connection.truncate(item.item_id, item.heard_ms)
            elif not item.heard_whole:
                await connection.delete(item.item_id)
        reply.items.clear()

    async def _correct_text(self, connection: RealtimeConnection, reply: Reply) -> None:
        heard = self._ctx.conversation.remembered(reply.turn)
        items, said = list(reply.items), " ".join(item.text.strip() for item in reply.items)
        reply.items.clear()
        if not items or heard.split() == said.split():
            return
        if heard:
            await connection.replace(items.pop(0).item_id, Message(role="assistant", text=heard))
        for item in items:
            await connection.delete(item.item_id)

    async def _give_late_results(self, connection: RealtimeConnection, reply: Reply) -> None:
        if not reply.calls:
            return
        for message in self._ctx.conversation.past:
            if message.role == "tool" and message.tool_call_id in reply.calls:
                await self._give_result(connection, reply, message)

    async def _give_result(self, connection: RealtimeConnection, reply: Reply, message: Message) -> None:
        call_id = message.tool_call_id
        assert call_id is not None, "tool messages answer a call"
        told, item_id = reply.calls.get(call_id, (None, ""))
        if told is None:
            reply.calls[call_id] = message.text, await connection.add(message)
        elif told != message.text:
            reply.calls[call_id] = message.text, await connection.replace(item_id, message)
