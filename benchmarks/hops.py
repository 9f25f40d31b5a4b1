"""How many tasks a microphone frame wakes in the shipped pipelines, besides the one that sends it.

A caller is silent and then asks something, on the real clock, with the real workers. The event loop notes
every task that is made to run, and the caller reads that after each frame. Of the engines, those that
need a model of their own or a server stand aside; the stages, and with them the tasks, stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any, ClassVar

import numpy as np

from benchmarks._results import ROOT, Figure
from voicepipe.api import RATE, Pipeline
from voicepipe.audio.level import rms_dbfs
from voicepipe.core.clock import Clock
from voicepipe.core.frames import FRAME_MS, AudioIn, TypedText
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import CallEnds, Line
from voicepipe.core.units import MS
from voicepipe.runtime.graph import INPUT
from voicepipe.transports.paced import PacedOutput
from voicepipe.transports.wav import OUTPUT_RATE, load_clip

PACKAGES = ("numpy",)
GOAL = 2.0
CLIP = ROOT / "tests" / "fixtures" / "commands" / "kal_what_time_is_it.wav"
SIZE = RATE * FRAME_MS // 1000
SILENT_FRAMES = 50
LOUD_DBFS = -35.0

_WHISPER = {
    "stages.stt": {"use": "faster-whisper", "model": str(ROOT / "pipelines/compare/models/whisper-commands")}
}
_NO_GREETING = {"agent.greeting": None}  # its audio would wake others between two frames
PIPELINES: Mapping[str, Mapping[str, Any]] = {
    "sim": {},
    "quickstart": {},
    "robot": {},
    "local": {**_WHISPER, **_NO_GREETING, "stages.llm": "sim", "stages.tts": "sim"},
    "openai": {**_WHISPER, **_NO_GREETING, "stages.llm": "sim"},
}


class NotingLoop(asyncio.SelectorEventLoop):
    """Notes in ``woken`` the tasks that are made to run."""

    def __init__(self) -> None:
        super().__init__()
        self.woken: set[Any] = set()

    def call_soon(  # type: ignore[override]  # wants a TypeVarTuple
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        task = getattr(callback, "__self__", None)  # of a task's own step or wake-up
        if isinstance(task, asyncio.Task):
            self.woken.add(task)
        return super().call_soon(callback, *args, context=context)


class Caller:
    """Both ends of a call that is over when the question has been asked."""

    rate = RATE
    live: ClassVar[bool] = True

    def __init__(self, clock: Clock) -> None:
        self.output = PacedOutput(clock, OUTPUT_RATE)
        self.silent: list[int] = []
        self.speaking: list[int] = []

    @property
    def caller(self) -> Caller:
        return self

    def close(self) -> None:
        pass

    async def run(self, out: Outlet[AudioIn | TypedText], line: Line) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, NotingLoop), "the loop that main() runs"
        silence = np.zeros(SILENT_FRAMES * SIZE, np.int16)
        pcm = np.concatenate((silence, load_clip(CLIP, RATE).pcm))
        began = line.clock.now()
        for number in range(pcm.size // SIZE):
            block = pcm[number * SIZE : (number + 1) * SIZE]
            loop.woken.clear()
            await out.send(AudioIn(pcm=block, position=number * SIZE, rate=RATE))
            await line.clock.sleep_until(began + (number + 1) * FRAME_MS * MS)
            woken = len(loop.woken - {asyncio.current_task()})
            if number < SILENT_FRAMES:
                self.silent.append(woken)
            elif rms_dbfs(block) > LOUD_DBFS:
                self.speaking.append(woken)


def measure(quick: bool) -> list[Figure]:
    return [
        figure
        for name in (("sim", "quickstart") if quick else PIPELINES)
        for figure in _figures(name, PIPELINES[name])
    ]


def _figures(name: str, overrides: Mapping[str, Any]) -> list[Figure]:
    pipeline = Pipeline.from_yaml(ROOT / "pipelines" / f"{name}.yaml", set=overrides, env={})
    callers: list[Caller] = []

    def ends(clock: Clock) -> CallEnds:
        callers.append(Caller(clock))
        return callers[0]

    with asyncio.Runner(loop_factory=NotingLoop) as runner:
        runner.run(pipeline.hold(ends))
    inboxes = " and ".join(pipeline.graph.routes(INPUT)[AudioIn])
    return [
        Figure(
            what=f"tasks that a microphone frame wakes in `{name}.yaml` while the caller {does}",
            unit="tasks",
            values=counts,
            how=f"noted by the event loop for each of {len(counts)} frames; the graph hands it to {inboxes}",
            at_most=GOAL,
        )
        for does, counts in (("is silent", callers[0].silent), ("speaks", callers[0].speaking))
    ]
