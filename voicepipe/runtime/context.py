"""One stage's view of its session: what ``stages.base.StageContext`` promises, made real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from voicepipe.core.calls import Call, Workers
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Control, ProviderBegan, StreamFrame, TurnFailed, Upward
from voicepipe.core.records import Record
from voicepipe.core.turns import Turn, Turns
from voicepipe.errors import VoicepipeError
from voicepipe.providers.base import Provider
from voicepipe.runtime.guard import Guard
from voicepipe.speech.conversation import Conversation
from voicepipe.stages.base import Deadlines, ToolRunner

E = TypeVar("E")


class Context:
    """See ``StageContext``. ``provider`` is None for a slot without one."""

    def __init__(
        self,
        *,
        session: str,
        slot: str,
        clock: Clock,
        turns: Turns,
        workers: Workers,
        conversation: Conversation,
        tools: ToolRunner,
        speculates: bool,
        provider: Provider | None,
        deadlines: Deadlines,
        tells: frozenset[type[StreamFrame]],
        told: frozenset[type[StreamFrame]],
        finds_turns: bool,
        report: Callable[[Upward | StreamFrame], None],
        broadcast: Callable[[Control], None],
        record: Callable[[Record], None],
    ) -> None:
        self.session = session
        self.slot = slot
        self.clock = clock
        self.turns = turns
        self.workers = workers
        self.conversation = conversation
        self.tools = tools
        self.speculates = speculates
        self.tells = tells
        self.told = told
        self.finds_turns = finds_turns
        self.report = report
        self.broadcast = broadcast
        self.record = record
        self._provider = provider
        self._deadlines = deadlines

    @asynccontextmanager
    async def turn(self, turn: int) -> AsyncIterator[Turn]:
        """The scope of a turn; a ``VoicepipeError`` inside becomes ``TurnFailed``."""
        async with self.turns.scope(turn) as scope:
            try:
                yield scope
            except VoicepipeError as error:
                self._failed(turn, error)
            except BaseExceptionGroup as group:
                ours, others = group.split(VoicepipeError)
                if ours is None or others is not None:
                    raise
                self._failed(turn, _first(ours))

    def provider_call(
        self, begin: Callable[[Any, Call], AsyncIterator[E]], *, turn: int | None, armed: bool = True
    ) -> Guard[E]:
        provider = self._provider
        assert provider is not None, f"slot {self.slot} has no provider"
        call = Call(session=self.session, turn=turn, clock=self.clock, workers=self.workers)
        return Guard(
            lambda call: begin(provider, call),
            call,
            slot=self.slot,
            provider=provider.name,
            model=getattr(provider.config, "model", None),
            deadlines=self._deadlines,
            armed=armed,
            record=self.record,
            on_began=lambda at_ns: self._began(turn, at_ns),
        )

    def _began(self, turn: int | None, at_ns: int) -> None:
        if turn is not None:
            self.report(ProviderBegan(turn=turn, stage=self.slot, at_ns=at_ns))

    def _failed(self, turn: int, error: VoicepipeError) -> None:
        self.report(TurnFailed(turn=turn, stage=self.slot, error=error, at_ns=self.clock.now()))


def _first(group: BaseExceptionGroup[VoicepipeError]) -> VoicepipeError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, VoicepipeError), "the group was split by that type"
    return error
