"""From what was measured to what is told: least, median and most, ratios, and a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Key = tuple[str, str]
"""A system and its setting."""

OURS: Key = ("voicepipe", "default")
NAMES = {"voicepipe": "voicepipe", "pipecat": "Pipecat", "livekit": "LiveKit Agents"}
LATE_MS = 20.0


@dataclass(frozen=True)
class Row:
    """``value`` is the name under which a job gives it."""

    value: str
    what: str
    unit: str
    goal: str = ""
    more_is_better: bool = False


ROWS = (
    Row("frame_us", "CPU per 20 ms frame, five pass-through stages, saturated", "µs", "≤ 15 µs"),
    Row("total_ms", "end of speech to first audio", "ms", "≤ 470 ms"),
    Row("overhead_ms", "… beyond what the settings and the engines take", "ms"),
    Row("silent_ms", "a caller's onset until the agent is silent", "ms", "≤ 300 ms"),
    Row(
        "most_agents",
        "agents in conversation on one core, Silero, frame p99 ≤ 20 ms, no turn lost",
        "",
        "≥ 60",
        True,
    ),
    Row("talk_cpu_percent", "CPU of one of them", "% of a core"),
    Row("idle_cpu_percent", "CPU of one agent alone that listens to silence", "% of a core"),
    Row("feeder_cpu_percent", "… of it, what feeds it", "% of a core"),
    Row("idle_cpu_percent_together", "… of eleven, each", "% of a core", "≤ 0.8 %"),
    Row("memory_further_mb", "memory of each further idle session, in one process", "MB", "≤ 0.3 MB"),
    Row("memory_deployed_mb", "… in a process of its own, as its server does it", "MB"),
    Row("start_first_ms", "start of the first session of a process", "ms"),
    Row("start_first_cpu_ms", "… its CPU", "ms", "≤ 60 ms"),
    Row("start_further_ms", "start of a further session", "ms"),
    Row("start_further_cpu_ms", "… its CPU", "ms", "≤ 3 ms"),
)


@dataclass(frozen=True)
class Spread:
    least: float
    median: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """None of no values."""
        return cls(min(values), median(values), max(values), len(values)) if values else None

    def told(self) -> str:
        middle = number(self.median)
        return (
            middle if self.least == self.most else f"{middle} ({number(self.least)} to {number(self.most)})"
        )


def number(value: float) -> str:
    """Three significant digits, but all of a whole number."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def ratio(ours: float, theirs: float, *, more_is_better: bool) -> float | None:
    """How many times better ours is; None where that says nothing."""
    better, worse = (ours, theirs) if more_is_better else (theirs, ours)
    return better / worse if better > 0 and worse > 0 else None


def spreads(jobs: Iterable[Mapping[str, Any]]) -> dict[tuple[str, Key], Spread]:
    """Of each value and system: all that its jobs found."""
    found: dict[tuple[str, Key], list[float]] = {}
    for job in jobs:
        key = (job["system"], job["setting"])
        for name, values in job["values"].items():
            found.setdefault((name, key), []).extend(values)
    return {name: spread for name, values in found.items() if (spread := Spread.of(values))}


def most_agents(jobs: Sequence[Mapping[str, Any]]) -> dict[Key, float]:
    """Of each system: the most agents of which no frame p99 is late and no turn is lost; 0 if none."""
    found: dict[Key, float] = {}
    for job in jobs:
        if job["measure"] == "agents":
            key = (job["system"], job["setting"])
            found[key] = max(found.get(key, 0), job["agents"] if passed(job["values"]) else 0)
    return found


def passed(values: Mapping[str, Sequence[float]]) -> bool:
    return values["late_p99_ms"][0] <= LATE_MS and values["lost"][0] == 0


def table(jobs: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: a row for each measure, a column for each system and setting that was measured."""
    found = spreads(jobs)
    for key, agents in most_agents(jobs).items():
        found["most_agents", key] = Spread(agents, agents, agents, 1)
    order = list(NAMES)
    columns = sorted(
        dict.fromkeys((job["system"], job["setting"]) for job in jobs), key=lambda key: order.index(key[0])
    )
    lines = [
        "| | goal | " + " | ".join(f"{NAMES[system]}, {setting}" for system, setting in columns) + " |",
        "|---" * (len(columns) + 2) + "|",
    ]
    for row in ROWS:
        cells = [_cell(row, found, key) for key in columns]
        if any(cells):
            what = f"{row.what}, {row.unit}" if row.unit else row.what
            lines.append(
                f"| {what} | {row.goal or '–'} | " + " | ".join(cell or "–" for cell in cells) + " |"
            )
    return "\n".join(lines) + "\n"


def _cell(row: Row, found: Mapping[tuple[str, Key], Spread], key: Key) -> str:
    spread, ours = found.get((row.value, key)), found.get((row.value, OURS))
    if spread is None:
        return ""
    times = None
    if ours is not None and key != OURS:
        times = ratio(ours.median, spread.median, more_is_better=row.more_is_better)
    return spread.told() + (f", ×{number(times)}" if times is not None else "")


def levels(jobs: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: what each number of agents on one core came to."""
    lines = [
        "| | agents | frame p99, ms | CPU, % | turns lost | feeder late p99, ms |",
        "|---|---|---|---|---|---|",
    ]
    for job in jobs:
        if job["measure"] == "agents":
            values = {name: found[0] for name, found in job["values"].items() if found}
            told = [number(values[name]) for name in ("late_p99_ms", "cpu_percent")]
            lost, late = f"{values['lost']:.0f} of {values['asked']:.0f}", number(values["fed_late_ms"])
            name = f"{NAMES[job['system']]}, {job['setting']}"
            lines.append(f"| {name} | {job['agents']} | {' | '.join(told)} | {lost} | {late} |")
    return "\n".join(lines) + "\n"


def noise(jobs: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: how busy the machine was, and how late the callers themselves were fed."""
    load = Spread.of([job["load"] for job in jobs])
    lines = [f"* load before each job (1 minute): {load.told()}" if load else "* nothing was measured"]
    small = [job for job in jobs if job["measure"] != "agents"]
    for key in dict.fromkeys((job["system"], job["setting"]) for job in small):
        values = [job["values"] for job in small if (job["system"], job["setting"]) == key]
        late = Spread.of([value for one in values for value in one.get("fed_late_ms", ())])
        lost = sum(len(one.get("lost", ())) for one in values)
        if late:
            name = f"{NAMES[key[0]]}, {key[1]}"
            lines.append(f"* {name}: frames fed {late.told()} ms late (p99 of each job), {lost} turns lost")
    return "\n".join(lines) + "\n"
