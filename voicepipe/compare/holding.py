"""Holds the calls of a comparison, and measures them.

On the real and the charged clock the machine is a part of what is measured: the calls are held one by one, in
the order of the plan, by models that are loaded once. On the simulated clock it isn't, and they are spread
over as many processes as there are cores; the answer is the same.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from voicepipe.compare.desk import Desk, StandIns, Tell, simulate
from voicepipe.compare.limit import Estimate, Limit
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.one_call import TOO_DEAR, Purse
from voicepipe.compare.plan import Plan, Run, Variant
from voicepipe.compare.store import Kept, Store
from voicepipe.compare.workers import Workers
from voicepipe.core.clock import ClockName
from voicepipe.core.cores import cores

WORTH_A_PROCESS = 24
"""Simulated calls. One takes about a tenth of a second, and a process a second until it can begin."""


def _nobody(message: str) -> None:
    """Tells nobody."""


@dataclass(slots=True)
class Holding:
    """Iterate over it once: each call of the plan, first those that the store has, then as they are held.

    ``most``: picodollars that all of it may cost; ``estimate``: what a call may cost before one of its
    variant was held. ``stand_ins`` play vendors' parts for the variants that want it. ``tell`` gets
    sentences for a person. ``processes``: for simulated calls; None: as many as there are cores.

    Afterwards, or after it was broken off, ``unfinished`` says why not all calls were held. Ctrl-C is raised
    as ``KeyboardInterrupt``; what was held is in the store. Raises ``SetupError`` where that can't be
    written. What goes wrong in a call is told by the call.
    """

    plan: Plan
    store: Store
    most: int | None = None
    estimate: Estimate | None = None
    stand_ins: StandIns = field(default_factory=dict)
    tell: Tell = _nobody
    processes: int | None = None
    unfinished: str | None = field(init=False, default=None)

    def __iter__(self) -> Iterator[MeasuredCall]:
        kept, limit = self.store.open(self.plan, self.tell), Limit(self.most, self.estimate)
        self.unfinished = "it was broken off"
        left: list[Run] = []
        for run in self.plan.runs:
            limit.lose(run, kept.lost(run))
            call = kept.get(run)
            if call is None:
                left.append(run)
            else:
                limit.note(run, call)
                yield call
        simulated = [run for run in left if run.variant.clock == "simulated"]
        yield from self._keep(kept, self._simulate(simulated, kept))
        stopped = yield from self._hold(
            [run for run in left if run.variant.clock != "simulated"], kept, limit
        )
        self.unfinished = stopped

    def _keep(self, kept: Kept, calls: Iterator[tuple[Run, MeasuredCall]]) -> Iterator[MeasuredCall]:
        told: set[str] = set()
        for run, call in calls:
            kept.put(run, call)
            if call.error is not None and not call.duration_ns and call.variant not in told:
                told.add(call.variant)
                self.tell(f"'{call.variant}' can't be held: {call.error}")
            yield call

    def _simulate(self, runs: Sequence[Run], kept: Kept) -> Iterator[tuple[Run, MeasuredCall]]:
        processes = min(self.processes or cores(), len(runs) // (1 if self.processes else WORTH_A_PROCESS))
        if processes > 1:
            with Workers(self.plan, processes) as workers:
                yield from workers.hold(runs, kept.audio)
            return
        for run in runs:
            yield run, simulate(run, self.plan.tools, kept.audio(run))

    def _hold(
        self, runs: Sequence[Run], kept: Kept, limit: Limit
    ) -> Generator[MeasuredCall, None, str | None]:
        """Stops where the money might not suffice, and returns why."""
        with ExitStack() as stack:
            desks: dict[ClockName, Desk] = {}
            for run in runs:
                forbidden = limit.forbids(run)
                if forbidden is not None:
                    return forbidden
                clock = run.variant.clock
                if clock not in desks:
                    desks[clock] = stack.enter_context(self._desk(clock, runs))
                purse = Purse(limit.left(run))
                try:
                    call = desks[clock].hold(run, kept.audio(run), purse)
                except BaseException:
                    kept.lose(run, purse.spent)
                    raise
                limit.note(run, call)
                exceeded = limit.exceeded(run)
                kept.put(run, call)
                if exceeded is None or call.error != TOO_DEAR:  # that is no fault of the variant
                    yield call
                if exceeded is not None:
                    return exceeded
        return None

    def _desk(self, clock: ClockName, runs: Sequence[Run]) -> Desk:
        variants: dict[str, Variant] = {
            run.variant.name: run.variant for run in runs if run.variant.clock == clock
        }
        return Desk(clock, list(variants.values()), self.plan.tools, stand_ins=self.stand_ins, tell=self.tell)
