"""A provider call that survives what can be survived: asked again, or asked of another provider."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Recovered, Recovering, Upward
from voicepipe.core.units import SECOND
from voicepipe.errors import BudgetError, ProviderError, VoicepipeError
from voicepipe.runtime.budget import Ticket
from voicepipe.runtime.guard import Guard
from voicepipe.runtime.lineup import Lineup
from voicepipe.runtime.outcome import let_go_of_frames
from voicepipe.runtime.spender import Spender
from voicepipe.runtime.waiting import CallsUnderWay
from voicepipe.speech.budget import Asks
from voicepipe.stages.base import Deadlines

E = TypeVar("E")

RECOVER_WITHIN = 8 * SECOND
"""Of waits and of the time that attempts took after the first failure: what is begun later would come when
the caller has given up."""

Open = Callable[[Lineup, int, int, Deadlines, Ticket | None], Guard[E]]
"""Begins an attempt: of which providers which one, the how manieth of the call (from 1), how long it may
take, and what is held back for it."""


def _over(lineup: Lineup, index: int, number: int, deadlines: Deadlines, ticket: Ticket | None) -> Guard[E]:
    raise AssertionError("the call is over")


class RecoveringCall(Generic[E]):
    """``async with RecoveringCall(…) as events: async for event in events``: all attempts look like one call.

    ``used`` is asked when an attempt has failed: whether any of what it gave has gone where it can't be
    taken back from. Then nothing is tried again, and ``on_broken_off`` is told the error that is raised, if
    it is one that may not come again.
    Each attempt is recorded; one that is replaced is closed before the next begins.
    """

    def __init__(
        self,
        open_attempt: Open[E],
        lineup: Lineup,
        *,
        clock: Clock,
        turn: int | None,
        slot: str,
        armed: bool,
        used: Callable[[], bool] | None,
        report: Callable[[Upward], None],
        on_broken_off: Callable[[ProviderError], None],
        spender: Spender | None = None,
        asks: Callable[[], Asks] = Asks,
        under_way: CallsUnderWay | None = None,
    ) -> None:
        self._open = open_attempt
        self._lineup = lineup
        self._clock = clock
        self.turn = turn
        self.slot = slot
        self._under_way = under_way or CallsUnderWay()
        self._blamed = False
        """The provider that is asked now has failed, whatever it still gives."""
        self._armed = armed
        self._gave = False
        self._used = used
        self._report = report
        self._on_broken_off = on_broken_off
        self._spender = spender
        self._asks = asks
        self._ticket: Ticket | None = None
        self._steps = 0
        """Of the budget, when the attempt began."""
        self._guard: Guard[E] | None = None
        self._last: Call | None = None
        self._left: deque[int] = deque()
        """Providers that haven't been asked in this call."""
        self._index = 0
        self._number = self._tries = 0
        """Attempts of the call, and of those the ones at the provider that is asked now."""
        self._recovering_ns = 0
        """What recovering has taken so far, without what was waited for input."""
        self._recovering = False

    @property
    def call(self) -> Call:
        """That of the last attempt."""
        assert self._last is not None, "the call has begun"
        return self._last

    @property
    def waited_for(self) -> bool:
        """Whether a provider's answer is waited for, or the next attempt."""
        return self._guard is None or self._guard.busy

    def blame(self, why: str) -> None:
        """What it gives doesn't help the caller: other calls ask somebody else first."""
        if self._guard is not None:  # else it hasn't been asked yet, or has failed anyway
            self._blamed = True
            self._lineup.mark_failed(self._index, why)

    async def __aenter__(self) -> RecoveringCall[E]:
        self._under_way.enter(self)
        self._lineup.retries.note_request()
        self._left = deque(self._lineup.order())
        try:
            await self._begin_next()
        except BaseException:
            self._under_way.leave(self)
            raise
        return self

    def __aiter__(self) -> RecoveringCall[E]:
        return self

    async def __anext__(self) -> E:
        while True:
            assert self._guard is not None, "an attempt is under way"
            try:
                event = await anext(self._guard)
            except StopAsyncIteration:
                self._note_answer()
                raise
            except VoicepipeError as error:
                if self._ticket is not None and self._ticket.refused is not None:
                    await self._ask_cheaper(self._ticket.refused)
                else:
                    await self._recover(self._as_failure(error))
            else:
                self._note_answer()
                self._gave = True
                return event

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._under_way.leave(self)
        guard, self._guard = self._guard, None
        # What begins an attempt knows the stage's locals, of which this is one: a ring, and until the garbage
        # is collected it would hold all that was said.
        self._open = _over
        if guard is not None:
            await self._close(guard, error)

    def arm(self) -> None:
        """See ``stages.base.GuardedCall``."""
        self._armed = True
        if self._guard is not None:
            self._guard.arm()

    def disarm(self) -> None:
        self._armed = False
        if self._guard is not None:
            self._guard.disarm()

    # ── attempts ─────────────────────────────────────────────────────────────────────────────────

    async def _begin_next(self) -> None:
        self._index, self._tries, self._blamed = self._left.popleft(), 0, False
        await self._begin()

    async def _begin(self) -> None:
        if self._spender is not None:
            self._ticket = await self._admitted(self._spender)
        self._number += 1
        self._tries += 1
        deadlines = self._lineup.deadlines(alternative=self._alternative)
        try:
            self._guard = self._open(self._lineup, self._index, self._number, deadlines, self._ticket)
        except BaseException:
            if self._ticket is not None:
                self._ticket.close()  # nothing else will
            raise
        self._last = self._guard.call
        if self._armed:
            self._guard.arm()

    async def _admitted(self, spender: Spender) -> Ticket:
        """Once the budget allows the attempt; perhaps with a cheaper provider."""
        while True:
            self._steps = spender.steps
            found = await spender.admit(
                self.slot,
                self.turn,
                self._lineup,
                self._index,
                total_ns=self._lineup.deadlines(alternative=self._alternative).total,
                asks=self._asks(),
            )
            if isinstance(found, Ticket):
                return found
            self._use(found)

    def _use(self, lineup: Lineup) -> None:
        self._lineup = lineup
        self._left = deque(lineup.order())
        self._index, self._tries, self._blamed = self._left.popleft(), 0, False

    async def _close(self, guard: Guard[E], error: BaseException | None) -> None:
        try:
            await guard.__aexit__(None if error is None else type(error), error, None)
        finally:
            if self._ticket is not None:
                self._ticket.close()

    async def _ask_cheaper(self, refused: BudgetError) -> None:
        """The budget doesn't allow the attempt to go on: another one, or raise ``refused``."""
        assert self._spender is not None, "it has refused"
        if self._taken:
            raise refused
        lineup = self._spender.instead(refused, self.slot, self.turn, self._lineup, self._steps)
        guard, self._guard = self._guard, None
        assert guard is not None, "it has failed"
        await self._close(guard, refused)
        self._use(lineup)
        await self._begin()

    @property
    def _taken(self) -> bool:
        """Whether some of what it gave can't be taken back."""
        return self._gave if self._used is None else self._used()

    @property
    def _alternative(self) -> bool:
        return any(self._lineup.can_answer(index) for index in self._left)

    def _note_answer(self) -> None:
        if not self._blamed:
            self._lineup.restore(self._index)
        if self._recovering:
            self._recovering, self._recovering_ns = False, 0
            self._report(Recovered(turn=self.turn, stage=self.slot, at_ns=self._clock.now()))

    def _as_failure(self, error: VoicepipeError) -> ProviderError:
        """Of whatever else it ran into, such as threads that all hang, another provider may be free."""
        if isinstance(error, ProviderError):
            return error
        name = self._lineup.providers[self._index].name
        failure = ProviderError(error.message, provider=name, kind="internal", hint=error.hint)
        failure.__cause__ = error
        return failure

    async def _recover(self, error: ProviderError) -> None:
        """Begin another attempt, or raise ``error``."""
        wait_ns = self._next_step(error)
        guard, self._guard = self._guard, None
        assert guard is not None, "it has failed"
        await self._close(guard, error)
        let_go_of_frames(error)
        self._recovering = True
        self._report(Recovering(turn=self.turn, stage=self.slot, at_ns=self._clock.now()))
        if wait_ns is None:
            await self._begin_next()
        else:
            if wait_ns:
                self._recovering_ns += wait_ns
                await self._clock.sleep(wait_ns)
            await self._begin()

    def _next_step(self, error: ProviderError) -> int | None:
        """How long to wait before the same provider is asked; None: ask the next one. Or raises ``error``."""
        lineup, guard = self._lineup, self._guard
        assert guard is not None, "it has failed"
        if self._taken:
            lineup.fail(self._index, error)
            if error.retryable:
                self._on_broken_off(error)
            raise error
        if self._recovering:
            self._recovering_ns += guard.busy_ns
        too_late = self._recovering_ns > RECOVER_WITHIN
        wait_ns = None
        if not too_late:
            wait_ns = lineup.retries.wait_ns(
                error, tries=self._tries, took_ns=guard.busy_ns, alternative=self._alternative
            )
        if wait_ns is None:
            lineup.fail(self._index, error)
            if too_late or not self._left:
                raise error
        return wait_ns
