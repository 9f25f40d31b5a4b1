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

from benchmarks.peers.harness import Agent, Caller, Clip, Mocks, Nobody, Span, System, private_megabytes

Values = dict[str, list[float]]
Runner = Callable[[Coroutine[Any, Any, Values]], Values]

PATIENCE_S = 5.0
"""After which a turn counts as lost."""

LISTENS_S = 3.5
"""Of a reply, before the caller speaks into it: LiveKit's defaults ignore the caller in the first three."""

SPREAD_S = 4.0
"""The callers begin at any time of it, so that they don't speak in chorus."""

STOPS_WITHIN_S = 1.5


async def frames(system: System, clip: Clip, request: Mapping[str, Any]) -> Values:
    count: int = request["frames"]
    await system.frames(count // 10)
    return {"frame_us": [await system.frames(count) / count * 1e6]}


async def turns(system: System, clip: Clip, request: Mapping[str, Any]) -> Values:
    """A question, its answer, and a second question into the answer: by some callers, one turn to warm up."""
    found: Values = {"total_ms": [], "overhead_ms": [], "silent_ms": [], "lost": [], "fed_late_ms": []}

    async def call(after: float, warm_up: bool) -> None:
        caller = Caller(await system.open(), clip)
        await caller.listen(0.7 + after)
        total = await _answer(caller, await caller.say())
        if not warm_up:
            if total is None:
                found["lost"].append(1)
            else:
                found["total_ms"].append(total * 1000)
                found["overhead_ms"].append((total - system.unavoidable()) * 1000)
                await caller.listen(LISTENS_S)
                silent = await _silence(caller)
                if silent is None:
                    found["lost"].append(1)
                else:
                    found["silent_ms"].append(silent * 1000)
            found["fed_late_ms"] += _ms(caller.fed_late)
        await caller.agent.close()

    await call(0, True)
    async with asyncio.TaskGroup() as group:
        for number in range(request["callers"]):
            group.create_task(call(0.33 * number, False))
    return _with_p99(found, "fed_late_ms")


async def _answer(caller: Caller, span: Span) -> float | None:
    """Seconds from the end of speech to the first audio of its answer, None if there is none."""
    ear = caller.agent.ear
    await caller.until(lambda: ear.since(span.end) is not None, PATIENCE_S)
    stretch = ear.since(span.end)
    return None if stretch is None else stretch.handed - span.end


async def _silence(caller: Caller) -> float | None:
    """Speak into the reply: seconds from the onset until nothing is heard of it, None if it goes on."""
    span = await caller.say()
    await caller.listen(STOPS_WITHIN_S)
    stretch = caller.agent.ear.during(span.onset)
    if stretch is None or stretch.end > span.end + STOPS_WITHIN_S / 2:
        return None
    return stretch.end - span.onset


async def agents(system: System, clip: Clip, request: Mapping[str, Any]) -> Values:
    """Everybody in conversation on one core: how late the VAD is, and how many turns aren't answered."""
    count: int = request["agents"]
    asked = answered = 0
    late: list[float] = []
    fed_late: list[float] = []
    ends = [0.0]

    async def talk(caller: Caller, after: float) -> None:
        nonlocal asked, answered
        await caller.listen(after)
        while time.perf_counter() < ends[0]:
            heard = await _answer(caller, await caller.say()) is not None
            asked, answered = asked + 1, answered + heard
            await caller.listen(LISTENS_S)
        late.extend(caller.agent.late)
        fed_late.extend(caller.fed_late)

    running = [await system.open(watched=True) for _ in range(count)]
    starts = np.random.default_rng(count).uniform(0, SPREAD_S, count)
    ends[0] = time.perf_counter() + SPREAD_S + request["seconds"]
    wall, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for agent, start in zip(running, starts, strict=True):
            group.create_task(talk(Caller(agent, clip), float(start)))
    share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    return {
        "late_p99_ms": [float(np.percentile(_ms(late), 99))],
        "late_median_ms": [float(np.median(_ms(late)))],
        "cpu_percent": [100 * share],
        "asked": [asked],
        "lost": [asked - answered],
        "fed_late_ms": [float(np.percentile(_ms(fed_late), 99))],
    }


async def idle(system: System, clip: Clip, request: Mapping[str, Any]) -> Values:
    """One agent that hears only its room, then some more: their start, CPU and memory."""
    further: int = request["further"]
    feeder, _ = await _listen([Caller(Nobody(), clip)], request["seconds"] / 2)
    agent, *first = await _start(system)
    callers = [Caller(agent, clip)]
    alone, late = await _listen(callers, request["seconds"])
    gc.collect()
    one, starts = private_megabytes(), []
    for _ in range(further):
        agent, *took = await _start(system)
        starts.append(took)
        callers.append(Caller(agent, clip))
    callers = [Caller(caller.agent, clip) for caller in callers]  # nobody has to catch up
    together, late_together = await _listen(callers, request["seconds"])
    gc.collect()
    return {
        "start_first_ms": [first[0]],
        "start_first_cpu_ms": [first[1]],
        "start_further_ms": [float(np.median([wall for wall, _ in starts]))],
        "start_further_cpu_ms": [float(np.median([cpu for _, cpu in starts]))],
        "idle_cpu_percent": [100 * alone],
        "idle_cpu_percent_together": [100 * together / len(callers)],
        "feeder_cpu_percent": [100 * feeder],
        "memory_further_mb": [(private_megabytes() - one) / further],
        "fed_late_ms": [float(np.percentile(_ms(late + late_together), 99))],
    }


async def _start(system: System) -> tuple[Agent, float, float]:
    """A session, and the ms of wall clock and CPU until it took audio."""
    wall, cpu = time.perf_counter(), time.process_time()
    agent = await system.open()
    return agent, (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


async def _listen(callers: Sequence[Caller], seconds: float) -> tuple[float, list[float]]:
    """The share of a core while all are silent for so long, after a second; and how late they were fed."""
    for part in (1.0, seconds):
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(caller.listen(part) for caller in callers))
        share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    return share, [late for caller in callers for late in caller.fed_late]


async def deployed(system: System, clip: Clip, request: Mapping[str, Any]) -> Values:
    """A session in a process of its own, as a framework's server does it."""
    return {"memory_deployed_mb": await system.deployed(request["processes"])}


MEASURES: dict[str, Callable[[System, Clip, Mapping[str, Any]], Awaitable[Values]]] = {
    "frames": frames,
    "turns": turns,
    "agents": agents,
    "idle": idle,
    "deployed": deployed,
}


def _ms(seconds: Sequence[float]) -> list[float]:
    return [one * 1000 for one in seconds]


def _with_p99(found: Values, name: str) -> Values:
    values = found[name]
    return found | {name: [float(np.percentile(values, 99))] if values else []}


def answer(make: Callable[[str, Mocks], System], run: Runner = asyncio.run) -> None:
    """Do what stdin asks for, print the result as the last line, and leave without tidying up.

    The sessions of some systems take long to end; what was measured is known by then.
    """
    request = json.loads(sys.stdin.read())
    if request.get("core") is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {request["core"]})
    clip = Clip.read(**request["clip"])
    told: list[Values] = []

    async def measured() -> Values:
        system = make(request["setting"], Mocks(**request["mocks"]))
        told.append(await MEASURES[request["measure"]](system, clip, request))
        print(json.dumps(told[0]), flush=True)
        os._exit(0)

    run(measured())
