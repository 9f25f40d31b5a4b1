"""CPU per microphone frame through five pass-through stages.

*Saturated*: the source is always ahead, so no task ever waits for a single frame. *One at a time*: the next
frame is sent when the one before has come out, as on a live call; each hop then wakes a task. Both are also
measured with bare ``asyncio.Queue``, which neither knows turns nor can be closed or overtaken.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks._results import Figure
from voicepipe.core.frames import AudioIn
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.turns import Turns
from voicepipe.stages.base import Agent, Stage, StageConfig, StageContext

STAGES = 5
FRAMES = 5_000
RUNS = 15
PACKAGES = ("numpy",)
GOALS = {("stages", "saturated"): 15.0, ("stages", "one_at_a_time"): 45.0}
CHAINS = {"stages": "pass-through stages", "queues": "bare asyncio.Queues"}
FRAME = AudioIn(pcm=np.zeros(320, np.int16), position=0, rate=16_000)

Send = Callable[[AudioIn], Awaitable[None]]
Receive = Callable[[], Awaitable[Any]]
Chain = tuple[Send, Receive, list[asyncio.Task[None]]]
"""How to send to the first task of a chain, how to receive from the last one, and the tasks."""


class PassThrough(Stage):
    kind = "pass"

    async def run(self, ctx: StageContext, inbox: Inbox[AudioIn], out: Outlet[AudioIn]) -> None:
        async for frame in inbox:
            await out.send(frame)


def stages(group: asyncio.TaskGroup) -> Chain:
    """Five stages in a row."""
    turns = Turns()
    inboxes: list[Inbox[AudioIn]] = [Inbox(f"inbox {n}", turns) for n in range(STAGES + 1)]
    outlets: list[Outlet[AudioIn]] = [
        Outlet(inbox.name, {AudioIn: (inbox,)}, live=False) for inbox in inboxes
    ]
    context: Any = None  # a stage that only passes frames on needs nothing of its session
    tasks = [
        group.create_task(PassThrough(StageConfig(), None, Agent()).run(context, inbox, out))
        for inbox, out in zip(inboxes, outlets[1:], strict=False)
    ]
    return outlets[0].send, inboxes[-1].__anext__, tasks


def queues(group: asyncio.TaskGroup) -> Chain:
    """The same with bare queues."""
    links: list[asyncio.Queue[AudioIn]] = [asyncio.Queue(50) for _ in range(STAGES + 1)]

    async def run(source: asyncio.Queue[AudioIn], target: asyncio.Queue[AudioIn]) -> None:
        while True:
            await target.put(await source.get())

    tasks = [group.create_task(run(a, b)) for a, b in pairwise(links)]
    return links[0].put, links[-1].get, tasks


async def saturated(send: Send, receive: Receive) -> None:
    async def source() -> None:
        for _ in range(FRAMES):
            await send(FRAME)

    async with asyncio.TaskGroup() as group:
        group.create_task(source())
        for _ in range(FRAMES):
            await receive()


async def one_at_a_time(send: Send, receive: Receive) -> None:
    for _ in range(FRAMES):
        await send(FRAME)
        await receive()


async def run(chain: Callable[[asyncio.TaskGroup], Chain], load: Callable[..., Awaitable[None]]) -> float:
    """The CPU time of one run, in µs per frame."""
    async with asyncio.TaskGroup() as group:
        send, receive, tasks = chain(group)
        began = time.process_time()
        await load(send, receive)
        took = time.process_time() - began
        for task in tasks:
            task.cancel()
    return took / FRAMES * 1e6


def measure(quick: bool) -> list[Figure]:
    samples: dict[tuple[str, str], list[float]] = {}
    for _ in range(2 if quick else RUNS):  # interleaved, so that a busy machine disturbs all alike
        for chain in (stages, queues):
            for load in (saturated, one_at_a_time):
                samples.setdefault((chain.__name__, load.__name__), []).append(asyncio.run(run(chain, load)))
    return [
        Figure(
            what=f"CPU per frame through {STAGES} {CHAINS[chain]}, {load.replace('_', ' ')}",
            unit="µs",
            values=values,
            how=f"process time of {FRAMES} frames",
            at_most=GOALS.get((chain, load)),
        )
        for (chain, load), values in samples.items()
    ]
