"""The replies of a fused model: asked for, sent on as they come, asked for again with what tools answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Any

from voicepipe.core.calls import Call
from voicepipe.core.frames import EndOfAudio, EndOfText, Text, UserTurn
from voicepipe.core.inbox import Outlet
from voicepipe.core.messages import Message, ToolCall
from voicepipe.core.turns import Turn
from voicepipe.errors import ProviderError
from voicepipe.providers.realtime_base import RealtimeProvider, ReplyAudio, ReplyText
from voicepipe.speech.budget import Asks, tokens_of
from voicepipe.speech.heard import Pace
from voicepipe.stages.base import StageContext
from voicepipe.stages.realtime_link import Link
from voicepipe.stages.realtime_memory import Memory
from voicepipe.stages.realtime_reply import Reply
from voicepipe.stages.tool_rounds import with_tools


class Talk:
    """``reply`` answers a turn; one at a time, and only once it is certain to be wanted."""

    def __init__(
        self,
        ctx: StageContext,
        link: Link,
        memory: Memory,
        out: Outlet[Any],
        *,
        provider: RealtimeProvider,
        speaks: bool,
        most_rounds: int,
    ) -> None:
        self._ctx = ctx
        self._link = link
        self._memory = memory
        self._out = out
        self._provider = provider
        self._speaks = speaks
        self._most_rounds = most_rounds
        self._pace = Pace()
        self._floor = asyncio.Lock()

    async def reply(self, frame: UserTurn) -> None:
        ctx, out = self._ctx, self._out
        async with ctx.turn(frame.turn) as turn, self._floor:
            await turn.committed()
            reply = Reply(ctx, turn.id, out, self._provider.rate, self._speaks, self._pace)
            self._memory.note_reply(reply)
            if frame.say is None:
                await self._answer(turn, frame, reply)
            elif self._speaks:
                await self._ask(turn, frame, reply, say=frame.say, remember=frame.in_history)
            else:  # another voice says it; the server is told with the next reply what was heard
                await reply.write(frame.say, in_history=frame.in_history)
            await out.send(EndOfText(turn=turn.id))
            if self._speaks:
                await out.send(EndOfAudio(turn=turn.id))

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
            connection = self._link.connection
            if connection is not None and reply.connection == self._link.number:
                with suppress(ProviderError):  # the connection is lost: the next one is told of all
                    await self._memory.give_results(connection, reply, results)

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
            lambda provider, call: self._respond(provider, call, frame, reply, say, remember),
            turn=turn.id,
            asks=lambda: self._asks(turn, say),
        ) as events:
            async for event in events:
                if isinstance(event, ToolCall):
                    calls.append(event)
                    reply.calls[event.id] = None, ""
                else:
                    await reply.take(event, in_history=remember)
        await reply.end_item()
        return calls

    def _asks(self, turn: Turn, say: str | None) -> Asks:
        """The server reads the whole conversation again for each response."""
        ctx, speaks = self._ctx, self._speaks
        read = tokens_of(ctx.conversation.messages(turn.id), ctx.tools.offers()) + len((say or "").encode())
        return Asks(read=read, writes=not speaks, talks=speaks, recalls=True)

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
        reply.rate = provider.rate
        if remember and reply.connection != self._link.number:
            await self._memory.prepare(connection, self._link.number, frame, reply)
        async with aclosing(connection.respond(call, say=say, remember=remember)) as events:
            async for event in events:
                yield event
