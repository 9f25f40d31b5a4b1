"""What the outcomes of the trials come to."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks._results import Figure
from benchmarks.interaction.judge import Outcome
from benchmarks.interaction.run import Crew, plans
from benchmarks.interaction.trials import EVENTS, PAUSES, Kind

Z95 = 1.96


class Goal(NamedTuple):
    """``share`` of the outcomes are to be good, in the arm with oracle words."""

    does: str
    share: float


GOALS: Mapping[Kind, Goal] = {
    "interruption": Goal("yields to interruptions", 0.99),
    "backchannel": Goal("resumes after backchannels", 0.95),
    "vocal": Goal("resumes after coughs and other sounds of a throat", 0.90),
    "noise": Goal("resumes after noise without speech", 0.99),
    "pause": Goal(f"cuts into pauses of {PAUSES[0]} to {PAUSES[1]} ms", 0.95),
    "answer": Goal("answers finished turns", 0.999),
}

SPOKEN = ("human", "synthetic")
COLUMNS: Mapping[Kind, Sequence[str]] = dict.fromkeys(EVENTS, SPOKEN) | {
    "vocal": ("made",),
    "noise": ("made",),
}

TRIALS = 400
ANSWERS = 4000
ACOUSTIC_TRIALS = 120
STEP_MS = 100
QUICK_TRIALS = {"oracle": 20, "acoustic": 10}

HEARD_AS = {"oracle": "oracle words", "acoustic": "acoustic"}


@dataclass(frozen=True, slots=True)
class Report:
    outcomes: Mapping[str, Sequence[Outcome]]
    """By arm."""
    figures: list[Figure]


def held(
    *, quick: bool, folders: Sequence[Path] = (), only: Sequence[Kind] = (), trials: int | None = None
) -> Report:
    """Hold the calls of both arms. ``only`` limits the classes, ``trials`` the events of each of them."""
    outcomes: dict[str, list[Outcome]] = {}
    with Crew(folders, all_voices=not quick) as crew:
        sizes = {"oracle": TRIALS, "acoustic": ACOUSTIC_TRIALS}
        for arm, size in sizes.items():
            count = trials or (QUICK_TRIALS[arm] if quick else size)
            found = outcomes[arm] = []
            wanted = {kind: _present(kind, crew.columns) for kind in only or EVENTS}
            answering = wanted.pop("answer", ())
            calls = [
                call for kind in wanted for column in wanted[kind] for call in plans(kind, column, count)
            ]
            found += crew.run(calls, arm)
            due = ANSWERS if arm == "oracle" and not quick and trials is None else count
            missing = {column: max(0, due - _answers(found, column)) for column in answering}
            calls = [call for column, events in missing.items() for call in plans("answer", column, events)]
            found += crew.run(calls, arm)
    figures = [
        figure for arm, found in outcomes.items() for figure in _figures(arm, found, crew.columns, only)
    ]
    return Report(outcomes, figures)


def _present(kind: Kind, columns: Sequence[str]) -> list[str]:
    return [column for column in COLUMNS[kind] if column in (*columns, "made")]


def _answers(found: Sequence[Outcome], column: str) -> int:
    """Turns that had to be answered; most come with the other classes."""
    return sum(one.kind == "answer" and one.column == column for one in found)


def _figures(
    arm: str, outcomes: Sequence[Outcome], columns: Sequence[str], only: Sequence[Kind]
) -> Iterator[Figure]:
    by: dict[tuple[Kind, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by[outcome.kind, outcome.column].append(outcome)
    for kind, goal in GOALS.items():
        for column in COLUMNS[kind]:
            if found := by.get((kind, column)):
                yield _share(arm, kind, column, goal, found)
                yield from _times(arm, kind, column, found)
            elif column not in (*columns, "made") and (not only or kind in only):
                what = f"{goal.does}: {column}, {HEARD_AS[arm]}"
                yield Figure(what=what, unit="", values=(), how="there are no recordings in ../shared/audio")


def _share(arm: str, kind: Kind, column: str, goal: Goal, found: Sequence[Outcome]) -> Figure:
    good = sum(one.good for one in found)
    calls = len({one.call for one in found})
    cuts = kind == "pause"
    counted = len(found) - good if cuts else good
    low, high = wilson(counted, len(found))
    bound = f"at most {high:.4f}" if cuts else f"at least {low:.4f}"
    wanted = (round(1 - goal.share, 4) if cuts else goal.share) if arm == "oracle" else None
    return Figure(
        what=f"{goal.does}: {column}, {HEARD_AS[arm]}",
        unit="",
        values=[counted / len(found)],
        how=f"{counted} of {len(found)} in {calls} calls, simulated clock; with 95 % certainty {bound}"
        + (f"; {_by_length(found)}" if cuts else ""),
        at_most=wanted if cuts else None,
        at_least=None if cuts else wanted,
    )


def _by_length(found: Sequence[Outcome]) -> str:
    """The share of pauses that were cut into, by their lengths."""
    shares: list[str] = []
    for begin in range(*PAUSES, STEP_MS):
        cut = [not one.good for one in found if begin <= (one.pause_ms or 0) < begin + STEP_MS]
        if cut:
            shares.append(f"{sum(cut) / len(cut):.0%} of {begin} to {begin + STEP_MS} ms")
    return ", ".join(shares)


def _times(arm: str, kind: Kind, column: str, found: Sequence[Outcome]) -> Iterator[Figure]:
    names = {
        "ducked_ms": "onset to quieter",
        "silent_ms": "onset to silent",
        "committed_ms": "onset to committed",
        "answered_ms": "end of speech to answer",
        "cost_ms": "reply held back, as recorded",
    }
    for name, what in names.items():
        values = [value for one in found if (value := getattr(one, name)) is not None]
        if values:
            how = f"{len(values)} of {len(found)} trials, simulated clock, {HEARD_AS[arm]}"
            yield Figure(what=f"… {kind}, {column}: {what}", unit="ms", values=values, how=how)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share: E. B. Wilson, "Probable Inference, the Law of Succession, and
    Statistical Inference", JASA 22 (1927)."""
    share, spread = successes / trials, Z95**2 / trials
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def failures(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """A line for each trial that went wrong."""
    for one in outcomes:
        if not one.good:
            pause = "" if one.pause_ms is None else f" (pause of {one.pause_ms:.0f} ms)"
            where = f"{one.call} at {one.at_s:.2f} s, {one.conditions}"
            yield f"{where}: {one.kind}, {one.sound}{pause}: {one.why}"
