"""From what was measured to what is told: least, median and most, ratios, and tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Key = tuple[str, str]
"""A system and its setting."""

Job = Mapping[str, Any]
NAMES = {"voicepipe": "voicepipe", "pipecat": "Pipecat", "livekit": "LiveKit Agents"}
OURS: Key = ("voicepipe", "default")
EVERY_WINDOW = "every window"
"""Our setting without the gate before Silero: the peers show it all windows."""

LATE_MS = 20.0
FEW = 4
"""Agents on one core that all systems bear: what one of them costs is compared there."""


@dataclass(frozen=True)
class Row:
    """``value`` is the name under which a job gives it; ``short``: it stands in the readme, too."""

    value: str
    what: str
    unit: str
    goal: str = ""
    more_is_better: bool = False
    short: bool = False
    compared: bool = True
    """Whether it says something to divide theirs by ours."""
    best: str = "best"
    """Our setting that the peers' best is held against."""
    open: str = ""
    """A value that is there where the figure is no more than a least one."""


ROWS = (
    Row("frame_us", "CPU per 20 ms frame, five pass-through stages, saturated", "µs", "≤ 15 µs", short=True),
    Row(
        "talk_few_percent",
        f"CPU of one agent in conversation, of {FEW} on one core",
        "% of a core",
        short=True,
        best=EVERY_WINDOW,
    ),
    Row(
        "most_agents",
        "agents in conversation on one core, Silero, p99 of the VAD ≤ 20 ms, no turn lost",
        "",
        "≥ 60",
        True,
        short=True,
        best=EVERY_WINDOW,
        open="most_open",
    ),
    Row("talk_most_percent", "… CPU of each of so many", "% of a core", best=EVERY_WINDOW),
    Row("talk_growth", f"… by that of one of {FEW}", "", compared=False),
    Row(
        "idle_cpu_percent_together",
        "CPU of one agent that listens to silence, of 21",
        "% of a core",
        "≤ 0.8 %",
        short=True,
    ),
    Row("idle_cpu_percent", "… alone in its process", "% of a core", "≤ 0.8 %", short=True),
    Row("feeder_cpu_percent", "… of it, what reading its frames takes", "% of a core", compared=False),
    Row(
        "memory_further_mb",
        "memory of each further idle session, in one process",
        "MB",
        "≤ 0.3 MB",
        short=True,
    ),
    Row("memory_deployed_mb", "… in a process of its own, as its server does it", "MB", short=True),
    Row("start_first_ms", "start of the first session of a process, wall clock", "ms"),
    Row("start_first_cpu_ms", "CPU of starting the first session of a process", "ms", "≤ 60 ms", short=True),
    Row("start_further_ms", "start of a further session, wall clock", "ms"),
    Row("start_further_cpu_ms", "CPU of starting a further session", "ms", "≤ 3 ms", short=True),
    Row("total_ms", "end of speech to first audio", "ms", "≤ 470 ms", short=True),
    Row("overhead_ms", "… beyond what the settings and the engines take", "ms", short=True, best="equal"),
    Row("silent_ms", "a caller's onset until the agent is silent", "ms", "≤ 300 ms", short=True),
)


@dataclass(frozen=True)
class Other:
    """A figure of one of our other benchmarks, which the peers can't be asked for: ``figure`` begins so."""

    file: str
    figure: str
    what: str


OTHERS = (
    Other(
        "telephone", "calls over WebSockets", "the same over WebSockets, G.711 as Twilio frames it, recorded"
    ),
    Other(
        "soak",
        "memory of each further session, after",
        "memory of each further session after five minutes of talk",
    ),
    Other("soak", "CPU per session of 100", "CPU per session of 100 sessions over that of 10"),
    Other("soak", "growth of a call's memory", "growth of a call's memory in a long call"),
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


Found = dict[tuple[str, Key], Spread]


def number(value: float) -> str:
    """Three significant digits, but all of a whole number."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def ratio(ours: float, theirs: float, *, more_is_better: bool) -> float | None:
    """How many times better ours is; None where that says nothing."""
    better, worse = (ours, theirs) if more_is_better else (theirs, ours)
    return better / worse if better > 0 and worse > 0 else None


def passed(values: Mapping[str, Sequence[float]]) -> bool:
    return values["late_p99_ms"][0] <= LATE_MS and values["lost"][0] == 0 and values["missed"][0] == 0


def spreads(jobs: Sequence[Job]) -> Found:
    """Of each value and system: all that its jobs found, and what follows from its numbers of agents."""
    found: dict[tuple[str, Key], list[float]] = {}
    for job in jobs:
        if job["measure"] != "agents":
            for name, values in job["values"].items():
                found.setdefault((name, key_of(job)), []).extend(values)
    for key in dict.fromkeys(key_of(job) for job in jobs if job["measure"] == "agents"):
        climbed = [job for job in jobs if job["measure"] == "agents" and key_of(job) == key]
        for name, values in _of_levels(climbed).items():
            found[name, key] = values
    return {name: spread for name, values in found.items() if (spread := Spread.of(values))}


def key_of(job: Job) -> Key:
    return job["system"], job["setting"]


def _of_levels(climbed: Sequence[Job]) -> dict[str, list[float]]:
    """The most agents that passed (0 if none), also as ``most_open`` if more weren't tried; and the CPU of
    each, of so many and of few."""
    most = max((job["agents"] for job in climbed if passed(job["values"])), default=0)
    few, many = (
        [job["values"]["cpu_percent"][0] / job["agents"] for job in climbed if job["agents"] == count]
        for count in (FEW, most)
    )
    growth = [median(many) / median(few)] if few and many and most > FEW else []
    return {
        "most_agents": [most],
        "most_open": [most] if most == max(job["agents"] for job in climbed) else [],
        "talk_few_percent": few,
        "talk_most_percent": many,
        "talk_growth": growth,
    }


def times(row: Row, found: Found, key: Key) -> str:
    """How many times better ours is at the setting of that name, else at its default; empty if unknown."""
    spread = found.get((row.value, key))
    own = (OURS[0], row.best if key[1] == "best" else key[1])
    own = own if (row.value, own) in found else OURS
    ours = found.get((row.value, own))
    if spread is None or ours is None or key[0] == OURS[0] or not row.compared:
        return ""
    better = ratio(ours.median, spread.median, more_is_better=row.more_is_better)
    least, most = ((row.open, one) in found for one in (own, key))
    if not better or (least and most):
        return ""
    return f"{'≥ ' if least else '≤ ' if most else ''}×{number(better)}"


def cell(row: Row, found: Found, key: Key) -> str:
    """Median, least and most, and how many times better ours is; empty if nothing was measured."""
    spread = found.get((row.value, key))
    if spread is None:
        return ""
    return ", ".join(filter(None, (_least(row, found, key) + spread.told(), times(row, found, key))))


def _least(row: Row, found: Found, key: Key) -> str:
    return "≥ " if (row.open, key) in found else ""


def table(jobs: Sequence[Job], others: Mapping[str, str] | None = None) -> str:
    """Markdown: a row for each measure, a column for each system and setting that was measured."""
    found, order = spreads(jobs), list(NAMES)
    columns = sorted(dict.fromkeys(key_of(job) for job in jobs), key=lambda key: order.index(key[0]))
    lines = [
        "| | goal | " + " | ".join(f"{NAMES[system]}, {setting}" for system, setting in columns) + " |",
        "|---" * (len(columns) + 2) + "|",
    ]
    for row in ROWS:
        cells = [cell(row, found, key) for key in columns]
        if any(cells):
            lines.append(f"| {_what(row)} | {row.goal or '–'} | {_cells(cells)} |")
    for what, told in (others or {}).items():
        goal, _, measured = told.partition("|")
        lines.append(f"| {what} | {goal or '–'} | {_cells([measured] + [''] * (len(columns) - 1))} |")
    return "\n".join(lines) + "\n"


def short_table(jobs: Sequence[Job], others: Mapping[str, str] | None = None) -> str:
    """Markdown: a column for each system, medians at its default and at its best."""
    found = spreads(jobs)
    lines = [
        "| median, default / best | goal | " + " | ".join(NAMES.values()) + " |",
        "|---" * (len(NAMES) + 2) + "|",
    ]
    for row in ROWS:
        cells = [_both(row, found, system) for system in NAMES]
        if row.short and any(cells):
            lines.append(f"| {_what(row)} | {row.goal or '–'} | {_cells(cells)} |")
    for what, told in (others or {}).items():
        goal, _, measured = told.partition("|")
        lines.append(f"| {what} | {goal or '–'} | {_cells([measured, '', ''])} |")
    return "\n".join(lines) + "\n"


def _both(row: Row, found: Found, system: str) -> str:
    """On one core LiveKit's default is that with Silero. Our second overhead is that at equal settings."""
    best = row.best if system == OURS[0] else "best"
    first = next((one for one in ("default", "silero") if (row.value, (system, one)) in found), None)
    both = [_brief(row, found, (system, setting)) for setting in (first or "default", best)]
    return "" if not any(both) else both[0] if not both[1] else " / ".join(one or "–" for one in both)


def _brief(row: Row, found: Found, key: Key) -> str:
    spread, better = found.get((row.value, key)), times(row, found, key)
    if spread is None:
        return ""
    return _least(row, found, key) + number(spread.median) + (f" ({better})" if better else "")


def _what(row: Row) -> str:
    return f"{row.what}, {row.unit}" if row.unit else row.what


def _cells(cells: Iterable[str]) -> str:
    return " | ".join(one or "–" for one in cells)


def others(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What our other benchmarks say, by its row: the goal, ``|``, the figure and the file that it is from."""
    found = {}
    for other in OTHERS:
        figures = documents.get(other.file, {}).get("figures", ())
        for figure in figures:
            if figure["what"].startswith(other.figure) and figure["median"] is not None:
                found[other.what] = _told(figure, other.file)
    return found


def _told(figure: Mapping[str, Any], file: str) -> str:
    unit = figure["unit"]
    limits = [("≤", figure.get("at_most")), ("≥", figure.get("at_least"))]
    goal = " ".join(f"{sign} {limit:g} {unit}".rstrip() for sign, limit in limits if limit is not None)
    return f"{goal}|{number(figure['median'])} {unit}".rstrip() + f" ({file}.json)"


def levels(jobs: Sequence[Job]) -> str:
    """Markdown: what each number of agents on one core came to."""
    lines = [
        "| | agents | VAD late, median and p99, ms | CPU, % | turns lost | frames lost "
        "| feeder late p99, ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for job in jobs:
        if job["measure"] == "agents":
            values = {name: found[0] for name, found in job["values"].items() if found}
            late = f"{number(values['late_median_ms'])}, {number(values['late_p99_ms'])}"
            lost = f"{values['lost']:.0f} of {values['asked']:.0f} | {values['missed']:.0f}"
            name = f"{NAMES[job['system']]}, {job['setting']}"
            lines.append(
                f"| {name} | {job['agents']} | {late} | {number(values['cpu_percent'])} | {lost} |"
                f" {number(values['fed_late_ms'])} |"
            )
    return "\n".join(lines) + "\n"


def noise(jobs: Sequence[Job]) -> str:
    """Markdown: how busy the machine was, and how late the callers themselves were fed."""
    load, taken = Spread.of([job["load"] for job in jobs]), Spread.of([job["others"] for job in jobs])
    if not load or not taken:
        return "* nothing was measured\n"
    lines = [
        f"* load before each job (1 minute): {load.told()}",
        f"* cores that others were busy with meanwhile, the feeder among them: {taken.told()}",
    ]
    small = [job for job in jobs if job["measure"] != "agents"]
    for key in dict.fromkeys(map(key_of, small)):
        values = [job["values"] for job in small if key_of(job) == key]
        late = Spread.of([value for one in values for value in one.get("fed_late_ms", ())])
        lost = sum(len(one.get("lost", ())) for one in values)
        if late:
            name = f"{NAMES[key[0]]}, {key[1]}"
            lines.append(f"* {name}: frames fed {late.told()} ms late (p99 of each job), {lost} turns lost")
    return "\n".join(lines) + "\n"
