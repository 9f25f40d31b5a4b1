"""Memory of the quickstart: of a process that has answered questions, and of each further call that idles.

Each figure comes from processes of their own: ``python -m benchmarks.memory call`` and ``… sessions``.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks._results import ROOT, Figure
from voicepipe.api import RATE, Pipeline
from voicepipe.cli.files import shipped
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import FRAME_MS, AudioIn, TypedText
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import Line
from voicepipe.core.units import MS
from voicepipe.transports.paced import PacedOutput
from voicepipe.transports.wav import OUTPUT_RATE, WavCall, load_clip

PACKAGES = ("numpy", "onnxruntime", "pocketsphinx")
RUNS = 3
SESSIONS = 20
IDLE_FRAMES = 250
"""Five seconds of silence: more than any ring holds."""

QUICKSTART = ROOT / "pipelines" / "quickstart.yaml"


def measure(quick: bool) -> list[Figure]:
    runs = 1 if quick else RUNS
    calls = [_in_a_process("call") for _ in range(runs)]
    sessions = [_in_a_process("sessions") for _ in range(runs)]
    return [
        Figure(
            what="memory of the quickstart process",
            unit="MB",
            values=[one["rss"] for one in calls],
            how="resident (2²⁰ bytes) after a call with the questions that ship; "
            f"peak {max(one['peak'] for one in calls):.0f} MB",
            at_most=160.0,
        ),
        Figure(
            what="memory of each further idle session",
            unit="MB",
            values=[one["each"] for one in sessions],
            how=f"private memory after 5 s of silence, with {1 + SESSIONS} sessions less with one, "
            f"by {SESSIONS}",
            at_most=0.5,
        ),
    ]


def _in_a_process(what: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", what],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


# ── in the process that is measured ──────────────────────────────────────────────────────────────


async def call() -> dict[str, float]:
    script = [load_clip(path, RATE) for path in sorted(shipped("questions").glob("*.wav"))]
    async with Pipeline.from_yaml(QUICKSTART) as pipeline:
        await pipeline.hold(partial(WavCall, script=script, rate=RATE))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"rss": _megabytes("Rss"), "peak": peak}


async def sessions() -> dict[str, float]:
    async with Pipeline.from_yaml(QUICKSTART) as pipeline, asyncio.TaskGroup() as group:
        over = asyncio.Event()
        await _open(pipeline, group, over, 1)
        one = _private()
        await _open(pipeline, group, over, SESSIONS)
        many = _private()
        over.set()
        return {"each": (many - one) / SESSIONS}


async def _open(pipeline: Pipeline, group: asyncio.TaskGroup, over: asyncio.Event, count: int) -> None:
    """Begin calls, and return when all of them have heard their silence."""
    heard = asyncio.Barrier(count + 1)
    for _ in range(count):
        group.create_task(pipeline.hold(partial(Idler, heard=heard, over=over)))
    await heard.wait()


class Idler:
    """Both ends of a call in which nobody speaks."""

    rate = RATE
    live: ClassVar[bool] = True

    def __init__(self, clock: Clock, *, heard: asyncio.Barrier, over: asyncio.Event) -> None:
        self.output = PacedOutput(clock, OUTPUT_RATE)
        self._heard = heard
        self._over = over

    @property
    def caller(self) -> Idler:
        return self

    def close(self) -> None:
        pass

    async def run(self, out: Outlet[AudioIn | TypedText], line: Line) -> None:
        began = line.clock.now()
        number = 0
        while not self._over.is_set():
            silence = np.zeros(RATE * FRAME_MS // 1000, np.int16)  # each its own, as from a device
            await out.send(AudioIn(pcm=silence, position=number * silence.size, rate=RATE))
            number += 1
            await line.clock.sleep_until(began + number * FRAME_MS * MS)
            if number == IDLE_FRAMES:
                await self._heard.wait()


def _private() -> float:
    return _megabytes("Private_Clean") + _megabytes("Private_Dirty")


def _megabytes(field: str) -> float:
    """A field of this process's memory, which Linux counts in KiB."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


if __name__ == "__main__":
    print(json.dumps(run_on("real", {"call": call, "sessions": sessions}[sys.argv[1]]())))
