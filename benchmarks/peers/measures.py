"""What is measured of a system, in its own environment: a JSON request on stdin, a JSON answer on stdout."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.peers.feeder import Feeder
from benchmarks.peers.harness import Agent, Caller, Mocks, Nobody, System, private_megabytes
from benchmarks.peers.sounds import Clip

Values = dict[str, list[float]]
Runner = Callable[[Coroutine[Any, Any, Values]], Values]

PATIENCE_S = 5.0
"""After which a turn counts as lost."""

LISTENS_S = 3.5
"""Of a reply, before the caller speaks into it: LiveKit's defaults ignore the caller in the first three."""

APART_S = 0.7
"""The callers whose turns are timed: none of them is to wait for what a turn model computes for another."""

SETTLES_S = 0.7
"""What a session hears of its room before its caller speaks."""

SPREAD_S = 4.0
"""The callers begin at any time of it, so that they don't speak in chorus."""

STOPS_WITHIN_S = 1.5


async def frames(system: System, clip: Clip, request: Mapping[str, Any]) -> Values:
    count: int = request["frames"]
    await system.frames(count // 10)
    return {"frame_us": [await system.frames(count) / count * 1e6]}


async def turns(system: System, clip: Clip, request: Mapping[str, Any]) -> Values:
    """A question, its answer, and a second question into the answer: by some callers, one turn to warm up."""
    count: int = request["callers"]
    found: Values = {"total_ms": [], "overhead_ms": [], "silent_ms": [], "lost": [], "fed_late_ms": []}
    feeder = _feeder(request, 1 + count)

    async def call(after: float) -> None:
        caller = Caller(await system.open(), clip, feeder)
        await asyncio.sleep(SETTLES_S + after)
        total, silent = await _answer(caller), None
        if total is not None:
            found["total_ms"].append(total * 1000)
            found["overhead_ms"].append((total - system.unavoidable()) * 1000)
            await asyncio.sleep(LISTENS_S)
            silent = await _silence(caller)
        if silent is None:
            found["lost"].append(1)
        else:
            found["silent_ms"].append(silent * 1000)
        found["fed_late_ms"] += _ms(caller.fed_late)
        await caller.hang_up()

    await _warm_up(system, clip, feeder)
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(call(APART_S * number))
    return found | {"fed_late_ms": _p99(found["fed_late_ms"])}


async def _warm_up(system: System, clip: Clip, feeder: Feeder, watched: bool = False) -> None:
    """A call of one question, which isn't measured: what a process does for the first time at its first turn
    (imports, models, tables) would be taken for what a turn costs, or a window waits."""
    caller = Caller(await system.open(watched), clip, feeder)
    await asyncio.sleep(SETTLES_S)
    await _answer(caller)
    await caller.hang_up()


async def _answer(caller: Caller) -> float | None:
    """Ask. Seconds from the end of speech to the first audio of its answer, None if there is none."""
    span = await caller.say(PATIENCE_S)
    stretch = None if span is None else await caller.heard_since(span.end, PATIENCE_S)
    return None if span is None or stretch is None else stretch.handed - span.end


async def _silence(caller: Caller) -> float | None:
    """Speak into the reply: seconds from the onset until nothing is heard of it, None if it goes on."""
    span = await caller.say(PATIENCE_S)
    if span is None:
        return None
    await asyncio.sleep(STOPS_WITHIN_S)
    stretch = caller.agent.ear.during(span.onset)
    if stretch is None or stretch.end > span.end + STOPS_WITHIN_S / 2:
        return None
    return stretch.end - span.onset


async def agents(system: System, clip: Clip, request: Mapping[str, Any]) -> Values:
    """Everybody in conversation on one core: how late the VAD is, and how many turns aren't answered."""
    count: int = request["agents"]
    asked = answered = 0
    starts = np.random.default_rng(count).uniform(0, SPREAD_S, count)
    feeder = _feeder(request, 1 + count)
    await _warm_up(system, clip, feeder, watched=True)
    running = [await system.open(watched=True) for _ in range(count)]
    ends = time.perf_counter() + SPREAD_S + request["seconds"]

    async def talk(caller: Caller, after: float) -> None:
        nonlocal asked, answered
        await asyncio.sleep(after)
        while time.perf_counter() < ends:
            heard = await _answer(caller) is not None
            asked, answered = asked + 1, answered + heard
            await asyncio.sleep(LISTENS_S)

    callers = [Caller(agent, clip, feeder) for agent in running]
    wall, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for caller, start in zip(callers, starts, strict=True):
            group.create_task(talk(caller, float(start)))
    share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    for caller in callers:
        caller.agent.windows.over(time.perf_counter())
    late = _ms([one for caller in callers for one in caller.agent.windows.late])
    return {
        "late_p99_ms": _p99(late),
        "late_median_ms": [float(np.median(late))],
        "cpu_percent": [100 * share],
        "asked": [asked],
        "lost": [asked - answered],
        "missed": [sum(caller.missed for caller in callers)],
        "fed_late_ms": _p99(_ms([one for caller in callers for one in caller.fed_late])),
    }


async def idle(system: System, clip: Clip, request: Mapping[str, Any]) -> Values:
    """One agent that hears only its room, then some more: their start, CPU and memory."""
    further: int = request["further"]
    seconds: float = request["seconds"]
    feeder = _feeder(request, 2 + further)
    nobody = Caller(Nobody(), clip, feeder)
    feeding = await _share(seconds)
    await nobody.hang_up()
    agent, *first = await _start(system)
    callers = [Caller(agent, clip, feeder)]
    alone = await _share(seconds)
    gc.collect()
    one, starts = private_megabytes(), []
    for _ in range(further):
        agent, *took = await _start(system)
        starts.append(took)
        callers.append(Caller(agent, clip, feeder))
    together = await _share(seconds)
    gc.collect()
    all_of_them = private_megabytes()  # before what is computed below needs memory for the first time
    return {
        "start_first_ms": [first[0]],
        "start_first_cpu_ms": [first[1]],
        "start_further_ms": [float(np.median([wall for wall, _ in starts]))],
        "start_further_cpu_ms": [float(np.median([cpu for _, cpu in starts]))],
        "idle_cpu_percent": [100 * alone],
        "idle_cpu_percent_together": [100 * together / len(callers)],
        "feeder_cpu_percent": [100 * feeding],
        "memory_further_mb": [(all_of_them - one) / further],
        "fed_late_ms": _p99(_ms([one for caller in callers for one in caller.fed_late])),
    }


async def _start(system: System) -> tuple[Agent, float, float]:
    """A session, and the ms of wall clock and CPU until it took audio."""
    wall, cpu = time.perf_counter(), time.process_time()
    agent = await system.open()
    return agent, (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


async def _share(seconds: float) -> float:
    """The share of a core that goes into what is running, for so long, after a second."""
    await asyncio.sleep(1.0)
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - cpu) / (time.perf_counter() - wall)


async def deployed(system: System, clip: Clip, request: Mapping[str, Any]) -> Values:
    """A session in a process of its own, as a framework's server does it."""
    return {"memory_deployed_mb": await system.deployed(request["processes"], request["clip"]["path"])}


MEASURES: dict[str, Callable[[System, Clip, Mapping[str, Any]], Awaitable[Values]]] = {
    "frames": frames,
    "turns": turns,
    "agents": agents,
    "idle": idle,
    "deployed": deployed,
}


def _ms(seconds: Sequence[float]) -> list[float]:
    return [one * 1000 for one in seconds]


def _p99(values: Sequence[float]) -> list[float]:
    """None of no values."""
    return [float(np.percentile(values, 99))] if values else []


def _feeder(request: Mapping[str, Any], lines: int) -> Feeder:
    """On all cores but the one that is measured, if one is."""
    core = request.get("core")
    others = () if core is None else [one for one in request["cores"] if one != core]
    return Feeder(request["clip"]["path"], lines, others)


def answer(make: Callable[[str, Mocks], System], run: Runner = asyncio.run) -> None:
    """Do what stdin asks for, print the result as the last line, and leave without tidying up.

    The sessions of some systems take long to end; what was measured is known by then.
    """
    request = json.loads(sys.stdin.read())
    clip = Clip.read(**request["clip"])
    told: list[Values] = []

    async def measured() -> Values:
        system = make(request["setting"], Mocks(**request["mocks"]))
        told.append(await MEASURES[request["measure"]](system, clip, request))
        print(json.dumps(told[0]), flush=True)
        os._exit(0)

    run(measured())
