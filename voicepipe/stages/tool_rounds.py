"""A reply that calls tools: the model is asked again with their results, until it asks for none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from pydantic import BaseModel, Field

from voicepipe.core.frames import ToolWaiting
from voicepipe.core.messages import Message, ToolCall
from voicepipe.core.turns import Turn
from voicepipe.errors import ProviderError
from voicepipe.stages.base import SayMeanwhile, StageContext

Complete = Callable[[], Awaitable[tuple[list[ToolCall], bool]]]
"""One request to the model: its tool calls, and whether it had words for the caller."""


class ToolRoundsConfig(BaseModel):
    """The keys of a stage whose model calls tools."""

    max_tool_rounds: int = Field(
        8, ge=1, le=50, description="how often a reply may call tools before it has to end"
    )


async def with_tools(
    ctx: StageContext,
    turn: Turn,
    complete: Complete,
    *,
    say: SayMeanwhile,
    most_rounds: int,
    provider: str,
    answered: Callable[[Sequence[Message]], Awaitable[None]] | None = None,
) -> None:
    """Ask the model, execute the calls that it makes, and ask again, at most ``most_rounds`` times.

    ``answered`` is given the results before the model is asked again; the conversation has them already.
    Raises ``ProviderError`` for a model that doesn't come to an end.
    """
    taken: set[str] = set()
    for _ in range(most_rounds):
        asked_ns = ctx.clock.now()
        calls, spoke = await complete()
        if not calls:
            return
        calls = _told_apart(calls, taken)
        ctx.conversation.add_tool_calls(turn.id, calls)
        _tell_waiting(ctx, turn, tuple(call.name for call in calls))
        results = await ctx.tools.run(turn, calls, asked_ns=asked_ns, say=None if spoke else say)
        for message in results:
            assert message.tool_call_id is not None, "tool messages answer a call"
            ctx.conversation.add_tool_result(turn.id, message.tool_call_id, message.text)
        if answered is not None:
            await answered(results)
        _tell_waiting(ctx, turn, ())
    raise ProviderError(
        f"the model asked for tools {most_rounds} times in one reply without an end",
        provider=provider,
        kind="protocol",
        hint=f"raise stages.{ctx.slot}.max_tool_rounds if the task really needs more",
    )


def _tell_waiting(ctx: StageContext, turn: Turn, names: tuple[str, ...]) -> None:
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
