"""What a microphone frame costs in function calls and memory blocks: counts, which no busy machine changes.

One call on the simulated clock, with engines that cost next to nothing: the caller is silent, speaks for a
second, and listens to a long reply. Another one has silero for its VAD, first shut off by its gate and then
asked about each window of noise. Counted is everything that happens from one frame to the next, the
caller's own side included:

* *calls*: those of Python functions and of functions in C, as ``sys.setprofile`` is told of them;
* *blocks*: by how much the number of allocated blocks rises from one such event to the next, summed up. What
  is taken and given back within one function isn't seen, nor is what comes out of a free list. So a
  dictionary for each frame that takes the place of the last one's goes unnoticed; a task for each doesn't.

A reply's frames are counted less the silence that is heard meanwhile.

python -m benchmarks.hot_path            the counts, as JSON
python -m benchmarks.hot_path --again    and those of a second call in the same process: nearly the same
python -m benchmarks.hot_path --renew    they become the baseline, hot_path.json, that
                                         tests/benchmarks/test_hot_path.py holds the next ones against
"""

from __future__ import annotations

import gc
import json
import os
import platform
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

from benchmarks._results import ROOT, Figure
from voicepipe.api import RATE, Pipeline
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import FRAME_MS, AudioIn, Pcm, PlaybackStarted
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import FromCaller, Line
from voicepipe.core.units import MS
from voicepipe.transports.paced import PacedOutput

PACKAGES = ("numpy",)
FILE = ROOT / "benchmarks" / "hot_path.yaml"
BASELINE = ROOT / "benchmarks" / "hot_path.json"
RENEW = "python -m benchmarks.hot_path --renew"

MARGIN = 0.25
"""A count may grow by this share of the baseline's."""

FRAME = RATE * FRAME_MS // 1000
OUTPUT_RATE = 24_000
WARM_UP = 120
"""Frames before silence is counted: longer than the VAD's memory of the noise."""

COUNTED = 40
"""Frames: a multiple of 8, in which windows of 32 ms come round, and of 5, the meter's."""

SILENCE, SPEECH, REPLY = "silence", "speech", "reply"
SHUT, JUDGED = "silence, silero", "noise, silero"

Counts = dict[str, dict[str, float]]
"""Per frame: ``{"silence": {"calls": 70.2, "blocks": 15.1}}``."""


def measure(quick: bool) -> list[Figure]:
    found, _ = counts()
    return [
        Figure(
            what=f"{unit} per frame of 20 ms, {name}",
            unit="",
            values=[value],
            how="sim engines" if name in (SHUT, JUDGED) else "energy VAD, sim engines",
        )
        for name, both in found.items()
        for unit, value in both.items()
    ]


def counts() -> tuple[Counts, Counts]:
    """Of two calls, counted in a process of its own, in which nothing else has been imported or begun."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.hot_path", "--again"],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = json.loads(done.stdout)
    return first, second


def grown(found: Counts, baseline: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What has grown by more than `MARGIN`, for a person to read. What wasn't counted, hasn't."""
    return [
        f"{name}: {found[name][unit]:.1f} {unit} per frame, {found[name][unit] / least - 1:+.0%}"
        f" over the baseline's {least:.1f}"
        for name, both in baseline.items()
        for unit, least in both.items()
        if name in found and found[name][unit] > least * (1 + MARGIN)
    ]


# ── in the process that is measured ──────────────────────────────────────────────────────────────


class Counter:
    def __init__(self) -> None:
        self.calls = self.blocks = 0
        self._last = 0

    def start(self) -> None:
        self.calls = self.blocks = 0
        self._last = sys.getallocatedblocks()
        sys.setprofile(self._event)

    def stop(self) -> dict[str, float]:
        sys.setprofile(None)
        return {"calls": self.calls / COUNTED, "blocks": self.blocks / COUNTED}

    def _event(self, frame: object, event: str, argument: object) -> None:
        blocks = sys.getallocatedblocks()
        if blocks > self._last:
            self.blocks += blocks - self._last
        self._last = blocks
        if event in ("call", "c_call"):
            self.calls += 1


Talk = Callable[["Caller"], Awaitable[None]]


class Caller:
    """Both ends of a call, in which ``talk`` is what happens."""

    rate = RATE
    live: ClassVar[bool] = True

    def __init__(self, clock: Clock, found: Counts, talk: Talk) -> None:
        self.output = PacedOutput(clock, OUTPUT_RATE)
        self.found = found
        self.hears = False
        self._talk = talk
        self._counter = Counter()
        self._position = 0
        self.silence: Pcm = np.zeros(FRAME, np.int16)
        self.noise: Pcm = np.random.default_rng(1).normal(0, 3000, FRAME).astype(np.int16)

    @property
    def caller(self) -> Caller:
        return self

    def close(self) -> None:
        """Nothing is open."""

    def note(self, at_ns: int, event: Any) -> None:
        if type(event) is PlaybackStarted:
            self.hears = True

    async def run(self, out: Outlet[FromCaller], line: Line) -> None:
        self._out, self._clock, self._origin = out, line.clock, line.clock.now()
        gc.collect()
        gc.disable()
        await self._talk(self)

    async def count(self, name: str, pcm: Pcm, warm_up: int) -> None:
        for _ in range(warm_up):
            await self.send(pcm)
        self._counter.start()
        for _ in range(COUNTED):
            await self.send(pcm)
        self.found[name] = self._counter.stop()

    async def send(self, pcm: Pcm) -> None:
        position, self._position = self._position, self._position + FRAME
        await self._clock.sleep_until(self._origin + self._position // FRAME * FRAME_MS * MS)
        await self._out.send(AudioIn(pcm=pcm, position=position, rate=RATE))


async def hear_a_story(caller: Caller) -> None:
    await caller.count(SILENCE, caller.silence, WARM_UP)
    await caller.count(SPEECH, caller.noise, COUNTED)
    while not caller.hears:
        await caller.send(caller.silence)
    await caller.count(REPLY, caller.silence, COUNTED)
    for unit, idle in caller.found[SILENCE].items():
        caller.found[REPLY][unit] -= idle


async def make_noise(caller: Caller) -> None:
    await caller.count(SHUT, caller.silence, WARM_UP)
    await caller.count(JUDGED, caller.noise, COUNTED)


async def count(vad: str, talk: Talk) -> Counts:
    found: Counts = {}
    pipeline = Pipeline.from_yaml(FILE, set={"stages.vad": vad}, env={})
    async with pipeline, pipeline.session() as call:
        ends = Caller(call.clock, found, talk)
        call.observe(ends.note)
        async for _ in call.run(ends, ends.output):
            pass
    return found


def _rounded() -> Counts:
    found = run_on("simulated", count("energy", hear_a_story))
    if find_spec("onnxruntime") and find_spec("silero_vad"):
        found |= run_on("simulated", count("silero", make_noise))
    return {name: {unit: round(value, 1) for unit, value in both.items()} for name, both in found.items()}


def main() -> None:
    found = _rounded()
    if "--renew" in sys.argv:
        base = {"python": ".".join(platform.python_version_tuple()[:2]), "counts": found}
        BASELINE.write_text(json.dumps(base, indent=2) + "\n", encoding="utf-8")
    print(json.dumps([found, _rounded()] if "--again" in sys.argv else found, indent=2))


if __name__ == "__main__":
    main()
