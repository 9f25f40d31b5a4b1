"""What a call does when its budget is at its limit: one step of ``then`` after the other.

It stands between a stage's requests and the providers: a request is admitted, or sent to a cheaper provider,
or refused, and then the call ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from voicepipe.config.budget import HANG_UP, Step
from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock
from voicepipe.core.records import BudgetExceeded, Record
from voicepipe.errors import BudgetError
from voicepipe.observe.report import CallReport
from voicepipe.providers.base import Provider
from voicepipe.runtime.budget import Budget, Ticket
from voicepipe.runtime.lineup import Lineup
from voicepipe.speech.budget import Asks


class Spender:
    """A companion of one call. ``lineups``: by profile and slot, the providers of the profiles that ``steps``
    name; a profile that isn't among them is passed over.

    ``part`` is told why the call has to end now.
    """

    def __init__(
        self,
        budget: Budget,
        steps: Sequence[Step],
        lineups: Mapping[str, Mapping[str, Lineup]],
        *,
        clock: Clock,
        record: Callable[[Record], None],
        part: Callable[[str], None],
    ) -> None:
        self._budget = budget
        self._left = [step for step in steps if step.profile is None or step.profile in lineups]
        self._lineups = lineups
        self._clock = clock
        self._record = record
        self._part = part
        self._profile: str | None = None
        self._steps = 0
        self._over: BudgetError | None = None
        self._spent: BudgetError | None = None
        """Why nothing was left before the call began."""

    async def open(self) -> None:
        """Before the call begins. Raises ``BudgetError`` if nothing is left of a shared budget and the call
        would only be hung up, and ``SetupError`` if it can't be counted."""
        try:
            await self._budget.open()
        except BudgetError as error:
            if self._denies or all(step.end is not None for step in self._left):
                raise
            self._spent = error

    async def run(self) -> None:
        """Beside the call, until it is cancelled."""
        if self._spent is not None:
            self._take_step(self._spent, None, None)
        await self._budget.run()
        await asyncio.Event().wait()

    def __call__(self, at_ns: int, event: Any) -> None:
        self._budget(at_ns, event)

    async def end(self, report: CallReport, workers: Workers) -> None:
        """Raises ``SetupError`` if what was spent can't be booked."""
        await self._budget.end(report, workers)

    def lineup(self, slot: str) -> Lineup | None:
        """The cheaper providers of ``slot``, if it is time for them."""
        return None if self._profile is None else self._lineups[self._profile].get(slot)

    async def admit(
        self, slot: str, turn: int | None, lineup: Lineup, index: int, *, total_ns: int, asks: Asks
    ) -> Ticket | Lineup:
        """What is held back for a request to provider ``index`` of ``lineup``; or the lineup that is to be
        asked instead. Raises ``BudgetError`` if the call has to end."""
        steps = self._steps
        try:
            return await self.reserve(slot, lineup.providers[index], asks, total_ns=total_ns)
        except BudgetError as error:
            return self.instead(error, slot, turn, lineup, steps)

    async def reserve(self, slot: str, provider: Provider, asks: Asks, *, total_ns: int) -> Ticket:
        """For a request that the call can do without. Raises ``BudgetError``, and that is all."""
        if self._over is not None:
            raise self._over.with_traceback(None)
        return await self._budget.reserve(slot, provider, asks, total_ns=total_ns)

    @property
    def steps(self) -> int:
        """How many were taken."""
        return self._steps

    def instead(self, error: BudgetError, slot: str, turn: int | None, lineup: Lineup, steps: int) -> Lineup:
        """Whom to ask instead of ``lineup``, after a refusal of what began when ``steps`` were taken.

        Raises ``error`` if the call has to end.
        """
        # What was refused before the last step may well be allowed now.
        if steps == self._steps and self._over is None:
            self._take_step(error, slot, turn)
        if self._over is not None:
            raise error
        return self.lineup(slot) or lineup

    @property
    def _denies(self) -> bool:
        return any(step.end == "deny" for step in self._left)

    def _take_step(self, error: BudgetError, slot: str | None, turn: int | None) -> None:
        self._steps += 1
        # When all steps were taken, a budget still holds.
        step = self._left.pop(0) if self._left else HANG_UP
        action = f"profile {step.profile}" if step.profile else "deny" if self._denies else "hang_up"
        self._record(
            BudgetExceeded(
                at_ns=self._clock.now(),
                turn=turn,
                slot=slot,
                budget=error.budget,
                limit=error.limit,
                action=action if step.end is None else step.end,
            )
        )
        if step.profile is not None:
            self._profile = step.profile
        else:
            self._over = error
            self._part(f"the budget ({error.budget}) is spent")
