"""``slo:`` while calls are held: an alert when an objective begins to be missed, and when that is over.

All calls of a started pipeline count together, over a rolling window. Judged is whenever a turn ends. An
objective that was missed is met again once it has been met for a fifth of the window without a break: so a
figure that sways about its limit gives one alert, not many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from voicepipe.config.slo import ANSWERED, Objective, SloConfig
from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock
from voicepipe.core.records import ObjectiveMet, ObjectiveMissed, ProviderAttempt, Record, TurnEnded
from voicepipe.core.units import format_duration
from voicepipe.observe.alerts import Alert, Alerts
from voicepipe.observe.objectives import Finding, durations, usd_minute
from voicepipe.observe.observers import Observer, ReadsByType
from voicepipe.observe.quantiles import RollingDurations, RollingSums
from voicepipe.observe.report import CallReport
from voicepipe.observe.turn_report import TurnReport
from voicepipe.observe.usage import Tally
from voicepipe.speech.pricing import usd

_CALM = 5
"""The part of the window for which an objective has to be met before its alert is over."""

_TURNS, _ANSWERED, _COST, _UNPRICED, _TIME = range(5)


@dataclass(slots=True)
class _State:
    missed: bool = False
    met_since: int | None = None

    def changes(self, now_ns: int, met: bool | None, calm_ns: int) -> bool:
        """Whether it begins to be missed now, or is over; ``met`` None: nobody knows."""
        if not met:
            self.met_since = None
        elif self.met_since is None:
            self.met_since = now_ns
        over = self.met_since is not None and now_ns - self.met_since >= calm_ns
        changed = over if self.missed else met is False
        self.missed ^= changed
        return changed


@dataclass(frozen=True, slots=True)
class Change:
    """An objective that begins to be ``missed``, or is met again."""

    finding: Finding
    missed: bool


class Objectives:
    """What all calls of one pipeline measured in the window, and which objectives are being missed.

    ``now_ns`` is the time of the loop in which the calls are held (``Clock.shared_now``).
    """

    def __init__(self, slo: SloConfig) -> None:
        self._slo = slo
        self._objectives = {objective: _State() for objective in slo.objectives()}
        self._durations = {
            objective.measure: RollingDurations(slo.window)
            for objective in self._objectives
            if objective.percent is not None
        }
        self._sums = RollingSums(slo.window)

    def note_turn(self, now_ns: int, turn: TurnReport) -> None:
        """A turn that has ended."""
        for measure, duration in durations(turn):
            if measure in self._durations:
                self._durations[measure].add(now_ns, duration)
        if turn.user:
            self._sums.add(now_ns, _TURNS)
            self._sums.add(now_ns, _ANSWERED, int(turn.answered))

    def note_cost(self, now_ns: int, cost: int, unpriced: int, duration_ns: int) -> None:
        """Picodollars, and how much has no price, of so much of a call."""
        for key, amount in ((_COST, cost), (_UNPRICED, unpriced), (_TIME, duration_ns)):
            self._sums.add(now_ns, key, amount)

    def look(self, now_ns: int) -> Iterator[Change]:
        """What has changed. What has too few measurements stays as it is."""
        self._sums.forget(now_ns)
        for rolling in self._durations.values():
            rolling.forget(now_ns)
        for objective, state in self._objectives.items():
            finding = self._find(objective)
            met = finding.met if finding is not None else None
            if state.changes(now_ns, met, self._slo.window // _CALM) and finding is not None:
                yield Change(finding, state.missed)

    def _find(self, objective: Objective) -> Finding | None:
        sums = self._sums.totals
        value: float | None
        if objective.percent is not None:
            rolling = self._durations[objective.measure]
            count = rolling.count
            value = rolling.percentile(objective.percent) if count else None
        else:
            count = sums.get(_TURNS, 0)
            if objective.measure == ANSWERED:
                value = sums.get(_ANSWERED, 0) / count if count else None
            else:
                cost = usd_minute(float(usd(sums.get(_COST, 0))), sums.get(_TIME, 0))
                value = None if sums.get(_UNPRICED) else cost
        return Finding(objective, value, count) if count >= self._slo.min_count else None


class Watcher(ReadsByType):
    """The companion of one call: what it measures goes to ``objectives``, and what changes is told."""

    def __init__(
        self,
        slo: SloConfig,
        objectives: Objectives,
        alerts: Alerts,
        *,
        clock: Clock,
        report: CallReport,
        record: Callable[[Record], None],
    ) -> None:
        self._slo = slo
        self._objectives = objectives
        self._alerts = alerts
        self._clock = clock
        self._report = report
        self._record = record
        self._cost, self._unpriced, self._counted_ns = 0, 0, 0
        if slo.cost_usd_minute is not None:
            report.on_request.append(self._count)

    def reader(self, kind: type[Any]) -> Observer | None:
        return self._end_turn if kind is TurnEnded else None

    async def end(self, report: CallReport, workers: Workers) -> None:
        """Nothing is left to be done: each turn has been told when it ended."""

    def _count(self, request: ProviderAttempt, used: Tally) -> None:
        for amount in used.amounts.values():
            self._cost += amount.cost
            self._unpriced += amount.unpriced

    def _end_turn(self, at_ns: int, event: TurnEnded) -> None:
        if event.status == "discarded":
            return
        now_ns = self._clock.shared_now()
        turn = self._report.find(event.turn)
        if turn is not None:
            self._objectives.note_turn(now_ns, turn)
        if self._slo.cost_usd_minute is not None:
            self._objectives.note_cost(now_ns, self._cost, self._unpriced, at_ns - self._counted_ns)
            self._cost, self._unpriced, self._counted_ns = 0, 0, at_ns
        for change in self._objectives.look(now_ns):
            self._tell(at_ns, change)

    def _tell(self, at_ns: int, change: Change) -> None:
        kind = ObjectiveMissed if change.missed else ObjectiveMet
        found = change.finding
        record = kind(
            at_ns=at_ns,
            objective=found.objective.name,
            limit=str(found.objective.condition),
            value=found.plain,
            count=found.count,
            window_ns=self._slo.window,
        )
        # Not here and now: the observers behind this one haven't seen the end of the turn yet.
        asyncio.get_running_loop().call_soon(self._record, record)
        within = f"in the last {format_duration(self._slo.window)}"
        self._alerts.tell(
            Alert(
                "objective_missed" if change.missed else "objective_met",
                f"{found}; {'missed' if change.missed else 'met again'} {within}",
                {
                    "objective": record.objective,
                    "limit": record.limit,
                    "value": record.value,
                    "count": record.count,
                    "window_ms": self._slo.window // 1_000_000,
                    "session": self._report.session,
                },
            )
        )
