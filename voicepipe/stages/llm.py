"""LLM: a caller's turn → the text of the reply, with tools called on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from voicepipe.core.calls import Call
from voicepipe.core.frames import EndOfText, Text, UserTurn
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.messages import TextDelta, ToolCall
from voicepipe.core.turns import Turn
from voicepipe.providers.base import LlmProvider, ProviderKind
from voicepipe.speech.budget import Asks, tokens_of
from voicepipe.speech.chunker import has_words
from voicepipe.stages.base import ReplaceableConfig, Stage, StageConfig, StageContext
from voicepipe.stages.tool_rounds import ToolRoundsConfig, with_tools


class LlmConfig(ReplaceableConfig, ToolRoundsConfig):
    pass


class Llm(Stage):
    kind: ClassVar[str] = "llm"
    provider_kind: ClassVar[ProviderKind | None] = "llm"
    Config: ClassVar[type[StageConfig]] = LlmConfig
    config: LlmConfig
    provider: LlmProvider

    async def run(self, ctx: StageContext, inbox: Inbox[UserTurn], out: Outlet[Text | EndOfText]) -> None:
        async for frame in inbox:
            if type(frame) is not UserTurn:
                continue
            async with ctx.turn(frame.turn) as turn:
                if not ctx.speculates:
                    await turn.committed()
                if frame.say is not None:
                    await self._write(ctx, turn, frame.say, out, in_history=frame.in_history)
                else:
                    await self._reply(ctx, turn, out)
                await out.send(EndOfText(turn=turn.id))

    async def _reply(self, ctx: StageContext, turn: Turn, out: Outlet[Text | EndOfText]) -> None:
        async def complete() -> tuple[list[ToolCall], bool]:
            return await self._complete(ctx, turn, out)

        async def fill(words: str) -> None:
            # A paragraph of its own, like what the model writes before it calls a tool.
            await out.send(Text(turn=turn.id, text=f"{words}\n", in_history=False))

        await with_tools(
            ctx,
            turn,
            complete,
            say=fill,
            most_rounds=self.config.max_tool_rounds,
            provider=self.provider.name,
        )

    async def _complete(
        self, ctx: StageContext, turn: Turn, out: Outlet[Text | EndOfText]
    ) -> tuple[list[ToolCall], bool]:
        """One request to the model; its text goes out as it comes.

        Returns its tool calls, and whether it had words for the caller.
        """
        calls: list[ToolCall] = []
        wrote = spoke = False
        messages, offers = ctx.conversation.messages(turn.id), ctx.tools.offers()

        def generate(provider: LlmProvider, call: Call) -> AsyncIterator[TextDelta | ToolCall]:
            calls.clear()
            return provider.generate(call, messages, offers)

        def asks() -> Asks:
            return Asks(read=tokens_of(messages, offers), writes=True)

        async with ctx.provider_call(generate, turn=turn.id, used=lambda: wrote, asks=asks) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    wrote = wrote or bool(event.text)
                    await self._write(ctx, turn, event.text, out)
                    spoke = spoke or has_words(event.text)
                else:
                    calls.append(event)
        if calls and wrote:  # a paragraph of its own, to be spoken while the tools work
            await out.send(Text(turn=turn.id, text="\n"))
        return calls, spoke

    async def _write(
        self,
        ctx: StageContext,
        turn: Turn,
        text: str,
        out: Outlet[Text | EndOfText],
        *,
        in_history: bool = True,
    ) -> None:
        if text:
            ctx.conversation.add_text(turn.id, text)
            await out.send(Text(turn=turn.id, text=text, in_history=in_history))
