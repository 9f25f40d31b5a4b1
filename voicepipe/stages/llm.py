"""LLM: a caller's turn → the text of the reply, with tools called on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from voicepipe.core.frames import EndOfText, Text, ToolWaiting, UserTurn
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.messages import TextDelta, ToolCall
from voicepipe.core.turns import Turn
from voicepipe.errors import ProviderError
from voicepipe.providers.base import LlmProvider, ProviderKind
from voicepipe.speech.chunker import has_words
from voicepipe.stages.base import ProviderSlotConfig, Stage, StageConfig, StageContext


class LlmConfig(ProviderSlotConfig):
    max_tool_rounds: int = Field(
        8, ge=1, le=50, description="how often a reply may call tools before it has to end"
    )


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
        async def fill(words: str) -> None:
            # A paragraph of its own, like what the model writes before it calls a tool.
            await out.send(Text(turn=turn.id, text=f"{words}\n", in_history=False))

        taken: set[str] = set()
        for _ in range(self.config.max_tool_rounds):
            asked_ns = ctx.clock.now()
            calls, spoke = await self._complete(ctx, turn, out)
            if not calls:
                return
            calls = _told_apart(calls, taken)
            ctx.conversation.add_tool_calls(turn.id, calls)
            self._tell_waiting(ctx, turn, tuple(call.name for call in calls))
            say = None if spoke else fill
            for message in await ctx.tools.run(turn, calls, asked_ns=asked_ns, say=say):
                assert message.tool_call_id is not None, "tool messages answer a call"
                ctx.conversation.add_tool_result(turn.id, message.tool_call_id, message.text)
            self._tell_waiting(ctx, turn, ())
        raise ProviderError(
            f"the model asked for tools {self.config.max_tool_rounds} times in one reply without an end",
            provider=self.provider.name,
            kind="protocol",
            hint=f"raise stages.{ctx.slot}.max_tool_rounds if the task really needs more",
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
        async with ctx.provider_call(
            lambda provider, call: provider.generate(call, messages, offers), turn=turn.id
        ) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    await self._write(ctx, turn, event.text, out)
                    wrote = wrote or bool(event.text)
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

    def _tell_waiting(self, ctx: StageContext, turn: Turn, names: tuple[str, ...]) -> None:
        ctx.report(ToolWaiting(turn=turn.id, on=names, at_ns=ctx.clock.now()))


def _told_apart(calls: Sequence[ToolCall], taken: set[str]) -> list[ToolCall]:
    """``calls``, each with an id of its own in this reply: there are models that count from 0 each time."""
    apart = []
    for call in calls:
        id, number = call.id, 2
        while id in taken:
            id, number = f"{call.id}-{number}", number + 1
        taken.add(id)
        apart.append(replace(call, id=id))
    return apart
