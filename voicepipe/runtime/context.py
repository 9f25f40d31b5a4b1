"""One stage's view of its session: what ``stages.base.StageContext`` promises, made real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from voicepipe.core.calls import Call, Workers
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Control, ProviderBegan, StreamFrame, TurnFailed, Upward
from voicepipe.core.records import ProviderSwitched, Record
from voicepipe.core.turns import Turn, Turns
from voicepipe.errors import ProviderError, VoicepipeError
from voicepipe.runtime.budget import Ticket
from voicepipe.runtime.guard import Guard
from voicepipe.runtime.lineup import Lineup
from voicepipe.runtime.recovery import RecoveringCall
from voicepipe.runtime.spender import Spender
from voicepipe.runtime.waiting import CallsUnderWay
from voicepipe.speech.budget import Asks
from voicepipe.speech.conversation import Conversation
from voicepipe.stages.base import LONGEST_REACH, Deadlines, ToolRunner

E = TypeVar("E")

BUDGET = "the budget has met its limit"
"""Why a cheaper provider is asked."""


class Context:
    """See ``StageContext``. ``lineup`` is None for a slot without a provider."""

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
        lineup: Lineup | None,
        tells: frozenset[type[StreamFrame]],
        told: frozenset[type[StreamFrame]],
        finds_turns: bool,
        onset_reach: int = LONGEST_REACH,
        report: Callable[[Upward | StreamFrame], None],
        broadcast: Callable[[Control], None],
        record: Callable[[Record], None],
        spender: Spender | None = None,
        under_way: CallsUnderWay | None = None,
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
        self.onset_reach = onset_reach
        self.report = report
        self.broadcast = broadcast
        self.record = record
        self._lineup = lineup
        self._spender = spender
        self._under_way = under_way or CallsUnderWay()
        self._asked = lineup, 0
        """Whom this session has called last: of which providers which one."""
        self._broken_off: ProviderError | None = None
        """The last error of a call that couldn't be made again, since some of it was used."""

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
        self,
        begin: Callable[[Any, Call], AsyncIterator[E]],
        *,
        turn: int | None,
        armed: bool = True,
        used: Callable[[], bool] | None = None,
        asks: Callable[[], Asks] = Asks,
    ) -> RecoveringCall[E]:
        spender = self._spender
        lineup = (spender.lineup(self.slot) if spender is not None else None) or self._lineup
        assert lineup is not None, f"slot {self.slot} has no provider"

        def attempt(
            lineup: Lineup, index: int, number: int, deadlines: Deadlines, ticket: Ticket | None
        ) -> Guard[E]:
            self._note_provider(lineup, index, turn)
            provider = lineup.providers[index]
            return Guard(
                lambda call: begin(provider, call),
                Call(
                    session=self.session,
                    turn=turn,
                    clock=self.clock,
                    workers=self.workers,
                    ration=ticket,
                ),
                slot=self.slot,
                provider=provider.name,
                model=getattr(provider.config, "model", None),
                deadlines=deadlines,
                armed=armed,
                record=self.record,
                on_began=lambda asked_ns, at_ns: self._began(turn, asked_ns, at_ns),
                number=number,
            )

        return RecoveringCall(
            attempt,
            lineup,
            clock=self.clock,
            turn=turn,
            slot=self.slot,
            armed=armed,
            used=used,
            report=self.report,
            on_broken_off=self._note_broken_off,
            spender=spender,
            asks=asks,
            under_way=self._under_way,
        )

    def waited_for(self, turn: int | None) -> str | None:
        return self._under_way.waited_for(turn)

    def blame(self, turn: int | None, why: str) -> None:
        self._under_way.blame(turn, why)

    def _note_provider(self, lineup: Lineup, index: int, turn: int | None) -> None:
        (before, previous), self._asked = self._asked, (lineup, index)
        assert before is not None, "the slot has providers"
        if (before, previous) == (lineup, index):
            return
        answers = f"{lineup.label(index)} answers again"
        self.record(
            ProviderSwitched(
                at_ns=self.clock.now(),
                turn=turn,
                slot=self.slot,
                previous=before.label(previous),
                provider=lineup.label(index),
                reason=BUDGET if before is not lineup else lineup.health.why(previous) or answers,
            )
        )

    def _note_broken_off(self, error: ProviderError) -> None:
        self._broken_off = error

    def _began(self, turn: int | None, asked_ns: int, at_ns: int) -> None:
        if turn is not None:
            self.report(ProviderBegan(turn=turn, stage=self.slot, asked_ns=asked_ns, at_ns=at_ns))

    def _failed(self, turn: int, error: VoicepipeError) -> None:
        again = error is self._broken_off
        self.report(TurnFailed(turn=turn, stage=self.slot, error=error, again=again, at_ns=self.clock.now()))


def _first(group: BaseExceptionGroup[VoicepipeError]) -> VoicepipeError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, VoicepipeError), "the group was split by that type"
    return error
