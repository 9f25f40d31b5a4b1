"""How many calls over the telephone one core bears: Twilio's framing, G.711, recorded, everybody talking.

Each call comes over a WebSocket of its own, from callers in a process on another core
(``telephone_callers``). Silero, mock engines, ``record:`` with stereo audio and the event log. A frame that
completes a window of the VAD is late by what passes from when its message was sent until the window is
judged. A turn is lost if nothing is heard at the caller's end within five seconds. Time is the machine's:
sockets know no other.

Each number of calls gets its own process, bound to the last core; the callers get the first. By hand, with
those on cores 1 and 0: ``taskset -c 1 python -m benchmarks.telephone 40 25 0``.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from websockets.asyncio.server import ServerConnection, serve

from benchmarks._cores import bound, first, last
from benchmarks._lag import LoopLag
from benchmarks._results import ROOT, Figure
from benchmarks.agents import LATE_MS
from benchmarks.watched_vad import JUDGED
from voicepipe.api import Pipeline
from voicepipe.audio import g711
from voicepipe.audio.level import rms_dbfs
from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import FRAME_MS
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.kept_call import AUDIO_FILE
from voicepipe.transports.media_stream import MediaStream
from voicepipe.transports.media_stream_socket import WebSocket, how_to_accept

PACKAGES = ("numpy", "onnxruntime", "silero-vad", "websockets", "uvloop")
FILE = ROOT / "benchmarks" / "telephone.yaml"
CALLS = (10, 20, 30, 40, 50, 60, 70, 80)
ENOUGH = 40
FRAME = g711.RATE * FRAME_MS // 1000
SHORT_S = 0.5
"""By which a recording may be shorter than its call: it ends with the last event."""
LAST_S = 8.0
"""In which both sides are heard if everybody talks: a caller speaks, waits and listens for less than that."""
SILENT_DBFS = -50.0


class Found(NamedTuple):
    """``cpu``, ``feeder_cpu`` and ``denied`` are shares of a core; the others are ms, or numbers of turns."""

    calls: int
    cpu: float
    denied: float
    """How long the process had something to do, but others had the core: noise."""
    late_median: float
    late_p99: float
    late_most: float
    lag_p99: float
    lag_most: float
    asked: int
    answered: int
    feeder_p99: float
    feeder_cpu: float
    recorded: int
    """Calls whose audio was kept: as long as they lasted, with both sides in it and in its last 8 s."""


def measure(quick: bool) -> list[Figure]:
    found: list[Found] = []
    for calls in (2,) if quick else CALLS:
        found.append(in_a_process(calls, 1 if quick else 25))
        if not quick and not borne(found[-1]):  # twice, before it is called too many
            found.append(in_a_process(calls, 25))
            if not borne(found[-1]):
                break
    good = [one.calls for one in found if borne(one)]
    told = ". ".join(
        f"{one.calls}: {one.late_p99:.1f} ms, {100 * one.cpu:.0f} % of the core, lag of the loop "
        f"{one.lag_p99:.1f} ms, {one.asked - one.answered} of {one.asked} turns lost, {one.recorded} "
        f"recorded in full; callers late by {one.feeder_p99:.1f} ms, "
        f"others had the core for {100 * one.denied:.0f} %"
        for one in found
    )
    return [
        Figure(
            what="calls over WebSockets in Twilio's framing, recorded, on one core, all in conversation, "
            "99 % of the frames at the VAD within 20 ms",
            unit="",
            values=[max(good, default=0)],
            how=f"Silero, mock engines, callers {_where()}, real time; p99 of each: {told}",
            at_least=None if quick else ENOUGH,
        )
    ]


def borne(found: Found) -> bool:
    """Whether so many calls are not too many: in time, all turns answered, all of them recorded."""
    return found.late_p99 <= LATE_MS and found.asked == found.answered and found.recorded == found.calls


def in_a_process(calls: int, lasts_s: float) -> Found:
    callers = [] if (core := first()) is None else [str(core)]
    with bound(last()):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.telephone", str(calls), str(lasts_s), *callers],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return Found(**json.loads(done.stdout))


def _where() -> str:
    return "on the agents' core" if first() == last() else "on another core"


# ── in the process that is measured ──────────────────────────────────────────────────────────────


class Desk:
    """Answers the calls, and notes when each window of each was judged."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.judged: dict[str, list[tuple[int, int]]] = {}
        """By call: ``(samples, system time in ns)``."""
        self.lasted_s: dict[str, float] = {}
        """By call: seconds."""
        self._pipeline = pipeline

    async def answer(self, connection: ServerConnection) -> None:
        stream = await MediaStream.begin(WebSocket(connection))
        number = stream.start.parameters["number"]
        judged = self.judged.setdefault(number, [])
        JUDGED.set(
            lambda samples, by_network: judged.append((samples, time.monotonic_ns())) if by_network else None
        )
        async with self._pipeline.session(name=f"call{number}") as call:
            ends = stream.ends(call.clock)
            async for _ in call.run(ends.caller, ends.output):
                pass
            self.lasted_s[number] = call.clock.now() / SECOND

    def late_ms(self, sent: Any) -> Any:
        """Of every window, from when its last frame was sent."""
        found = []
        for number, judged in self.judged.items():
            if not judged:
                raise RuntimeError(f"call {number} has broken off before a window was judged")
            samples, at_ns = np.array(judged).T
            found.append(at_ns - sent[number][-(-samples // FRAME) - 1])
        return np.concatenate(found) / MS


def recorded(folder: Path, number: str, lasted_s: float) -> bool:
    """Whether the call's recording is as long as it lasted, and both sides are to be heard in it and again in
    its last 8 s."""
    found = [path / AUDIO_FILE for path in folder.glob(f"*-call{number}") if (path / AUDIO_FILE).exists()]
    if len(found) != 1:
        return False
    sides = [read_wav(found[0], channel=side) for side in (0, 1)]
    if any(side.seconds <= lasted_s - SHORT_S for side in sides):
        return False
    heard = [pcm for side in sides for pcm in (side.pcm, side.pcm[-round(LAST_S * side.rate) :])]
    return all(rms_dbfs(pcm) > SILENT_DBFS for pcm in heard)


async def hold(calls: int, lasts_s: float, folder: Path, *callers_core: str) -> Found:
    """The callers are bound to that core; without one they are where the system puts them."""
    overrides = {"stages.vad": "benchmarks.watched_vad:WatchedSilero", "record.dir": str(folder / "calls")}
    pipeline = Pipeline.from_yaml(FILE, set=overrides, env={})
    desk = Desk(pipeline)
    async with pipeline, serve(desk.answer, "127.0.0.1", 0, **how_to_accept()) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        clock, cpu, denied = Clock(), time.process_time(), _denied_s()
        lag = LoopLag(clock, calls)
        feeder = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.telephone_callers"),
            *(f"ws://127.0.0.1:{port}", str(calls), str(lasts_s), str(folder)),
            *callers_core,
            cwd=ROOT,
        )
        if await feeder.wait() != 0:
            raise RuntimeError("the callers have failed")
        lag.stop()
        lasted_s = clock.now() / SECOND
        share, denied = (time.process_time() - cpu) / lasted_s, (_denied_s() - denied) / lasted_s
    told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    with np.load(folder / "sent.npz") as sent:
        late = desk.late_ms(sent)
    lags = np.array(lag.late_ns) / MS
    return Found(
        calls,
        share,
        denied,
        float(np.median(late)),
        float(np.percentile(late, 99)),
        float(late.max()),
        float(np.percentile(lags, 99)),
        float(lags.max()),
        told["asked"],
        told["answered"],
        told["feeder_p99"],
        told["feeder_cpu"],
        sum(recorded(folder / "calls", number, lasted_s) for number, lasted_s in desk.lasted_s.items()),
    )


def _denied_s() -> float:
    """How long the loop's thread has waited for a core so far, where the system tells (Linux)."""
    path = Path("/proc/self/schedstat")
    return int(path.read_text().split()[1]) / 1e9 if path.exists() else 0.0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        held = hold(int(sys.argv[1]), float(sys.argv[2]), Path(temporary), *sys.argv[3:])
        print(json.dumps(run_on("real", held)._asdict()))
