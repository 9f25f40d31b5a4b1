"""The objectives of ``slo:`` against what was measured. Pure: the same answer each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from voicepipe.config.slo import ANSWERED, COST, LATENCY_OBJECTIVES, Objective, SloConfig
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.expectations import percentile
from voicepipe.observe.report import CallReport
from voicepipe.observe.timeline import Step, TurnTimeline
from voicepipe.observe.turn_report import TurnReport

SILENT = "silent_after_interruption"
VOICE_TO_VOICE = "voice_to_voice"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of an objective in ``count`` measurements.

    ``value``: nanoseconds of a duration, or a share of 1, or USD a minute; None: something has no price.
    """

    objective: Objective
    value: float | None
    count: int

    @property
    def met(self) -> bool:
        """What has no price can't be within a limit."""
        return self.value is not None and self.objective.condition.holds(self.value)

    @property
    def plain(self) -> float | None:
        """The value for a program: a duration in milliseconds."""
        in_ns = self.value is not None and self.objective.percent is not None
        return self.value / MS if in_ns and self.value is not None else self.value

    def __str__(self) -> str:
        """``voice_to_voice.p90 is 1240 ms, of 84 measured; the objective is < 1s``."""
        limit = f"of {self.count} measured; the objective is {self.objective.condition}"
        return f"{self.objective.name} is {self._shown()}, {limit}"

    def _shown(self) -> str:
        if self.value is None:
            return "unknown, since something has no price"
        if self.objective.percent is not None:
            return f"{self.value / MS:.0f} ms"
        return f"{self.value:.2%}" if self.objective.measure == ANSWERED else f"{self.value:.6f}"


def spent_by_step(line: TurnTimeline) -> dict[Step, int]:
    """All that was spent on each step that came to its end."""
    spent: dict[Step, int] = {}
    at_ns = line.start_ns
    for mark in line.marks:
        spent[mark.step] = spent.get(mark.step, 0) + mark.at_ns - at_ns
        at_ns = mark.at_ns
    return spent


def durations(turn: TurnReport) -> Iterator[tuple[str, int]]:
    """What was measured of one turn, by the names in ``LATENCY_OBJECTIVES``."""
    if turn.timeline is not None:
        yield from spent_by_step(turn.timeline).items()
        if turn.timeline.spoken and turn.timeline.audible:
            yield VOICE_TO_VOICE, turn.timeline.total_ns
    if turn.silenced_ns is not None:
        yield SILENT, turn.silenced_ns


def judge(slo: SloConfig, report: CallReport) -> list[Finding]:
    """The objectives of which one call that is over has enough measurements, each with what it came to.

    Raises ``UsageError`` for a report that left turns out: a part has other percentiles than the whole.
    """
    by_measure: dict[str, list[int]] = {name: [] for name in LATENCY_OBJECTIVES}
    turns = report.all_turns
    for turn in turns:
        for name, duration in durations(turn):
            by_measure[name].append(duration)
    asked = [turn for turn in turns if turn.user]
    findings = []
    for objective in slo.objectives():
        if objective.percent is not None:
            values = by_measure[objective.measure]
            count, value = len(values), float(percentile(values, objective.percent)) if values else None
        else:
            count, value = len(asked), _of_call(objective.measure, asked, report)
        if count >= slo.min_count:
            findings.append(Finding(objective, value, count))
    return findings


def _of_call(measure: str, asked: list[TurnReport], report: CallReport) -> float | None:
    if measure == ANSWERED:
        return sum(turn.answered for turn in asked) / len(asked) if asked else None
    assert measure == COST, "there is no other"
    total = report.cost.total if report.cost is not None else None
    return None if total is None else usd_minute(float(total), report.until_ns)


def usd_minute(usd: float, duration_ns: int) -> float:
    """What a minute costs where ``duration_ns`` cost ``usd``; nothing if it took no time."""
    return usd * 60 * SECOND / duration_ns if duration_ns else 0.0
