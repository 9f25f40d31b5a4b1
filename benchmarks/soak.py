"""What long and many calls leave behind: memory, tasks and open files, and what a further session costs.

* *soak*: agents in conversation for 20 minutes, every reply interrupted, engines that fail, each call's event
  log streamed to disk. Memory grows by the slope of a straight line (least squares) after two minutes.
* *turnover*: 1,000 sessions, begun and closed one after the other.
* *memory*: of a process with one session and with several, idle or after five minutes of talk.
* *growth*: CPU per session of many, by that of few.

Each in a process of its own, bound to one core, on the clock of ``_own_core``: what lasts 20 minutes takes as
long as the process works in them. ``taskset -c 1 python -m benchmarks.soak soak 60 1200``, ``… turnover
1000``, ``… memory 21 300``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import _own_core, agents
from benchmarks._cores import bound, last
from benchmarks._results import ROOT, Figure
from benchmarks.agents import SPREAD, Speech, Talker, Tally
from voicepipe.api import Call, Pipeline
from voicepipe.core.clock import Clock
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.log import EventLog

PACKAGES = agents.PACKAGES
FILE = ROOT / "benchmarks" / "soak.yaml"

AGENTS, MINUTES = 60, 20
SETTLES_S = 120
EVERY_S = 5
TURNOVER = 1000
WARM_UP = 100
"""Sessions until caches are full."""
FURTHER = 20
TALK_S = 300


def measure(quick: bool) -> list[Figure]:
    return [
        *_soak(*((3, 30) if quick else (AGENTS, MINUTES * 60))),
        *_turnover(WARM_UP + (20 if quick else TURNOVER)),
        _memory("idle", 0, 0.3, quick),
        _memory(f"after {TALK_S // 60} minutes of talk", 10 if quick else TALK_S, 1.5, quick),
        _growth(quick),
    ]


def _soak(count: int, lasts_s: int) -> list[Figure]:
    found = _in_a_process("soak", count, lasts_s)
    how = (
        f"{count} agents for {lasts_s / 60:g} minutes on a core of their own, {found['turns']} turns,"
        f" {found['failures']} failures; {found['kib']} KiB of events on disk; history of 20 turns"
    )
    slope = f"{how}; resident memory after the first {found['settled_s']} s by least squares"
    return [
        Figure(
            what="growth of a call's memory", unit="KiB/min", values=[found["slope"]], how=slope, at_most=1
        ),
        Figure(what="growth of tasks in long calls", unit="", values=[found["tasks"]], how=how, at_most=0),
        Figure(
            what="growth of open files in long calls", unit="", values=[found["files"]], how=how, at_most=0
        ),
    ]


def _turnover(count: int) -> list[Figure]:
    found = _in_a_process("turnover", count)
    how = f"CPU from the pipeline to the caller's first frame, models loaded; {count} sessions"
    grown = f"resident memory after {count} sessions less after {WARM_UP}"
    return [
        Figure(what="session start, first", unit="ms", values=[found["first"]], how=how, at_most=60),
        Figure(what="session start, further ones", unit="ms", values=found["further"], how=how, at_most=3),
        Figure(
            what="memory that a closed session leaves",
            unit="KiB",
            values=[found["left"]],
            how=grown,
            at_most=1,
        ),
    ]


def _memory(what: str, talk_s: int, goal: float, quick: bool) -> Figure:
    few, many = (_in_a_process("memory", count, talk_s) for count in (1, 1 + FURTHER))
    return Figure(
        what=f"memory of each further session, {what}",
        unit="MB",
        values=[(many["rss"] - few["rss"]) / FURTHER],
        how=f"Silero, mock engines; a process with {1 + FURTHER} sessions less one with 1, by {FURTHER}",
        at_most=None if quick else goal,
    )


def _growth(quick: bool) -> Figure:
    lasts_s = 2 if quick else 20
    cost = [agents.in_a_process(count, "talk", lasts_s).cpu / count for count in (10, 10 if quick else 100)]
    return Figure(
        what="CPU per session of 100 sessions over that of 10",
        unit="",
        values=[cost[1] / cost[0]],
        how=f"all in conversation; {100 * cost[0]:.2f} and {100 * cost[1]:.2f} % of a core each",
        at_most=None if quick else 1.1,
    )


def _in_a_process(*arguments: object) -> dict[str, Any]:
    with bound(last()):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.soak", *map(str, arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# ── in the process that is measured ──────────────────────────────────────────────────────────────


async def soak(count: int, lasts_s: int) -> dict[str, Any]:
    """The agents, and every five seconds a look at what there is."""
    clock, looks = Clock(), list[tuple[float, float, int, int]]()
    settled_s = min(SETTLES_S, lasts_s // 3)
    with TemporaryDirectory() as folder:
        held = asyncio.ensure_future(_hold(count, lasts_s, Path(folder)))
        while not held.done() and clock.now() < (lasts_s - EVERY_S) * SECOND:
            await clock.sleep(EVERY_S * SECOND)
            looks.append((clock.now() / SECOND, _resident(), len(asyncio.all_tasks()), _files()))
            print(*looks[-1], file=sys.stderr, flush=True)
        reports = await held
        kib = _kib(Path(folder))
    later = np.array([look for look in looks if look[0] >= settled_s])
    minutes = later[:, 0] / 60
    third = len(later) // 3
    return {
        "slope": float(np.polyfit(minutes, later[:, 1], 1)[0]) / count,
        "tasks": _growing(later[:third, 2], later[-third:, 2]),
        "files": _growing(later[:third, 3], later[-third:, 3]),
        "turns": sum(report.turn_count for report in reports),
        "failures": sum(len(report.failures) + report.left_out.get("failures", 0) for report in reports),
        "kib": kib,
        "settled_s": settled_s,
    }


def _growing(early: Any, late: Any) -> float:
    """By how much the median of the last third exceeds that of the first. They come and go with turns, so
    that the most of a third is one more or less by chance."""
    return max(0.0, float(np.median(late) - np.median(early))) if len(early) else 0.0


async def _hold(count: int, lasts_s: int, folder: Path | None) -> list[Any]:
    tally, speech, chance = Tally(), Speech(), np.random.default_rng(count)
    pipeline = Pipeline.from_yaml(FILE, env={})

    async def one(number: int, begins_ns: int) -> Any:
        async with pipeline.session() as call:
            talker = Talker(call.clock, speech, begins_ns, lasts_s * SECOND, tally)
            call.observe(talker.note)
            log = folder and EventLog(folder / f"{number}.jsonl", session=str(number), clock="charged")
            if log:
                call.observe(log)
            await _whole(call, talker)
            if log:
                log.close()
            return call.report

    async with pipeline, asyncio.TaskGroup() as group:
        begins = chance.integers(0, SPREAD, count)
        held = [group.create_task(one(number, int(at))) for number, at in enumerate(begins)]
    return [task.result() for task in held]


async def _whole(call: Call, talker: Talker) -> None:
    async for _ in call.run(talker, talker.output):
        talker.tally.late_ns.clear()  # ours: it isn't asked for here


async def turnover(count: int) -> dict[str, Any]:
    pipeline = Pipeline.from_yaml(FILE, env={})
    took: list[float] = []
    async with pipeline:
        for number in range(count):
            began = time.process_time()
            async with pipeline.session() as call:
                talker = Brief(call.clock, began)
                await _whole(call, talker)
                took.append(talker.took_ms)
            if number == WARM_UP:
                gc.collect()
                before = _resident()
    gc.collect()
    return {"first": took[0], "further": took[1:], "left": (_resident() - before) / (count - WARM_UP)}


class Brief(Talker):
    """Who hangs up after a tenth of a second."""

    def __init__(self, clock: Clock, began: float) -> None:
        super().__init__(clock, None, 100 * MS, 0, Tally())
        self._began = began
        self.took_ms = 0.0

    async def run(self, out: Any, line: Any) -> None:
        self.took_ms = (time.process_time() - self._began) * 1000
        await super().run(out, line)


async def memory(count: int, talk_s: int) -> dict[str, Any]:
    """Resident memory in MB while ``count`` calls go on that have talked so long, or else heard silence."""
    pipeline, speech, over = Pipeline.from_yaml(agents.FILE, env={}), Speech(), asyncio.Event()
    chance, clock = np.random.default_rng(count), Clock()

    async def one(begins_ns: int) -> None:
        async with pipeline.session() as call:
            talker = Talker(call.clock, speech if talk_s else None, begins_ns, 3600 * SECOND, Tally())
            call.observe(talker.note)
            await asyncio.wait(
                [asyncio.ensure_future(_whole(call, talker)), asyncio.ensure_future(over.wait())],
                return_when=asyncio.FIRST_COMPLETED,
            )
            call.hang_up()

    async with pipeline, asyncio.TaskGroup() as group:
        for begins in chance.integers(0, SPREAD, count):
            group.create_task(one(int(begins)))
        await clock.sleep(max(talk_s, 10) * SECOND)
        gc.collect()
        found = {"rss": _resident() / 1024}
        over.set()
    return found


def _resident() -> float:
    """KiB, as Linux counts it."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("Rss:")))


def _kib(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir()) >> 10


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


WHAT: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
    "soak": soak,
    "turnover": turnover,
    "memory": memory,
}

if __name__ == "__main__":
    what, *numbers = sys.argv[1:]
    print(json.dumps(_own_core.run(WHAT[what](*map(int, numbers)))))
