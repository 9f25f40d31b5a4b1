"""How many full agents one core bears: real Silero VAD, mock engines, everybody in conversation.

Each caller says the clip of ``benchmarks.turns``, waits for the answer, listens to it for two seconds, and
speaks again; the callers begin at different times, and each one's frames come at another moment of the 20 ms.
A frame that completes a window of the VAD is late by as much as that window is judged after its last sample
was due. A turn is lost if nothing is heard within five seconds. The loop's lag is what a timer waits that has
nothing to do with the calls (``_lag``).

Each number of agents gets its own process, bound to one core: ``taskset -c 1 python -m benchmarks.agents 60
talk 25``.
Time is that of a core which nobody else uses (``_own_core``), or with ``real`` at the end the machine's: that
says less of the code where others work as well, and all of it where nobody does. What an idle agent costs is
told of the machine's: most of it is waking up, and a core of one's own never sleeps.
Bringing the frames is part of the load: a caller's side costs about as much as a network would.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import Any, ClassVar, NamedTuple

import numpy as np

from benchmarks import _own_core
from benchmarks._cores import bound, last
from benchmarks._lag import LoopLag
from benchmarks._results import ROOT, Figure
from benchmarks.mocks import Told, tell
from benchmarks.turns import FILE, the_clip
from benchmarks.watched_vad import JUDGED
from voicepipe.api import Call, Pipeline
from voicepipe.core.clock import Clock
from voicepipe.core.frames import FRAME_MS, AudioIn, Pcm, PlaybackStarted, Talk, TypedText
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import Line
from voicepipe.core.units import MS, SECOND
from voicepipe.transports.paced import PacedOutput

PACKAGES = ("numpy", "onnxruntime", "silero-vad")
RATE, OUTPUT_RATE = 16_000, 24_000
FRAME = RATE * FRAME_MS // 1000

TALKING = (10, 40, 60, 80, 100)
REAL = (60, 80)
ENOUGH = 60
IDLE = 20
"""Agents that listen to silence: one alone is too little to be measured."""

LISTENS = 2 * SECOND
PATIENCE = 5 * SECOND
SPREAD = 4 * SECOND
"""About what one turn takes: the callers begin at any time of it."""

LATE_MS = 20.0
LAG_MS = 5.0
WATCHED = {"stages.vad": "benchmarks.watched_vad:WatchedSilero"}


class Found(NamedTuple):
    """``cpu`` is a share of the core; lateness and the loop's lag are in ms."""

    agents: int
    cpu: float
    late_median: float
    late_p99: float
    late_most: float
    lag_p99: float
    lag_most: float
    asked: int
    answered: int


def measure(quick: bool) -> list[Figure]:
    numbers, lasts_s = ((2,), 3) if quick else (TALKING, 25)
    own = [in_a_process(agents, "talk", lasts_s) for agents in numbers]
    real = [in_a_process(agents, "talk", lasts_s, real=True) for agents in (numbers if quick else REAL)]
    idle = [in_a_process(2 if quick else IDLE, "idle", lasts_s, real=True) for _ in range(1 if quick else 3)]
    return [
        _borne("", own, "time is the process's own", quick),
        _borne(", on the real clock", real, "beside whatever else runs on the machine", quick),
        _lag("", own, quick),
        _lag(", on the real clock", real, quick),
        Figure(
            what="CPU of an agent that listens to silence",
            unit="% of a core",
            values=[100 * one.cpu / one.agents for one in idle],
            how=f"Silero; {idle[0].agents} at once, by their number, real time, the callers' side included",
            at_most=None if quick else 0.8,
        ),
    ]


def _borne(where: str, talking: list[Found], how: str, quick: bool) -> Figure:
    good = [one.agents for one in talking if one.late_p99 <= LATE_MS and one.asked == one.answered]
    told = "; ".join(
        f"{one.agents}: {one.late_p99:.1f} ms, lag {one.lag_p99:.1f} ms, {100 * one.cpu:.0f} % of the core, "
        f"{one.asked - one.answered} of {one.asked} turns lost"
        for one in talking
    )
    return Figure(
        what=f"agents on one core, all in conversation, 99 % of the frames at the VAD within 20 ms{where}",
        unit="",
        values=[max(good, default=0)],
        how=f"Silero, mock engines, {how}; {told}",
        at_least=None if quick else ENOUGH,
    )


def _lag(where: str, talking: list[Found], quick: bool) -> Figure:
    enough = next((one for one in talking if one.agents == ENOUGH), talking[0])
    return Figure(
        what=f"lag of the event loop with {enough.agents} of them, 99 % of the time{where}",
        unit="ms",
        values=[enough.lag_p99],
        how=f"how late timers ring, 200 a second at random times; the latest {enough.lag_most:.1f} ms",
        at_most=None if quick else LAG_MS,
    )


def in_a_process(agents: int, what: str, lasts_s: float, *, real: bool = False) -> Found:
    with bound(last()):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.agents", str(agents), what, str(lasts_s), *(["real"] * real)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    return Found(**json.loads(done.stdout))


# ── in the process that is measured ──────────────────────────────────────────────────────────────


class Tally:
    """Of all callers."""

    def __init__(self) -> None:
        self.late_ns: list[int] = []
        self.asked = self.answered = 0


class Speech:
    """The clip, cut into frames, each with the words that end in it."""

    def __init__(self) -> None:
        sound, _ = the_clip()
        pcm = (sound.samples * 32767).astype(np.int16)
        pcm = np.concatenate((pcm, np.zeros(-pcm.size % FRAME, np.int16)))
        self.frames = [pcm[start : start + FRAME] for start in range(0, pcm.size, FRAME)]
        self._words: dict[int, list[Any]] = {}
        for word in sound.words:
            self._words.setdefault(max(0, word.end - 1) // FRAME, []).append(word)
        self._last = sound.words[-1]

    def caption(self, number: int, origin_ns: int) -> str:
        words = self._words.get(number)
        if words is None:
            return ""
        return tell(
            [Told(one.text, origin_ns + one.end * SECOND // RATE, one is self._last) for one in words]
        )


class Talker:
    """Both ends of a call."""

    rate = RATE
    live: ClassVar[bool] = True

    def __init__(
        self, clock: Clock, speech: Speech | None, begins_ns: int, ends_ns: int, tally: Tally
    ) -> None:
        self.output = PacedOutput(clock, OUTPUT_RATE)
        self._speech = speech
        self._begins_ns = begins_ns
        self._ends_ns = ends_ns
        self.tally = tally
        self._silence: Pcm = np.zeros(FRAME, np.int16)
        self._position = 0
        self._heard = False

    @property
    def caller(self) -> Talker:
        return self

    def close(self) -> None:
        """Nothing is open."""

    def note(self, at_ns: int, event: Any) -> None:
        if type(event) is PlaybackStarted:
            self._heard = True

    async def run(self, out: Outlet[AudioIn | Talk | TypedText], line: Line) -> None:
        self._out, self._clock = out, line.clock
        self._origin = line.clock.now() + self._begins_ns % (FRAME_MS * MS)  # callers aren't in step
        await self._listen(self._begins_ns)
        while self._clock.now() < self._ends_ns:
            if self._speech is None:
                await self._listen(SECOND)
                continue
            self._heard = False
            began_ns = self._due(self._position)
            for number, pcm in enumerate(self._speech.frames):
                await self._send(pcm, self._speech.caption(number, began_ns))
            until = self._clock.now() + PATIENCE
            while not self._heard and self._clock.now() < until:
                await self._send(self._silence, "")
            self.tally.asked += 1
            self.tally.answered += self._heard
            await self._listen(LISTENS)

    async def _listen(self, duration_ns: int) -> None:
        for _ in range(duration_ns // (FRAME_MS * MS)):
            await self._send(self._silence, "")

    async def _send(self, pcm: Pcm, caption: str) -> None:
        position, self._position = self._position, self._position + FRAME
        due_ns = self._due(self._position)
        await self._clock.sleep_until(due_ns)
        await self._out.send(AudioIn(pcm=pcm, position=position, rate=RATE, caption=caption))

    def judged(self, samples: int, by_network: bool) -> None:
        """The VAD has answered for so many; complete with the frame that brought the last of them."""
        if not by_network:
            return
        due_ns = self._due(-(-samples // FRAME) * FRAME)
        self.tally.late_ns.append(self._clock.now() - due_ns)

    def _due(self, position: int) -> int:
        return self._origin + position * SECOND // RATE


async def hold(agents: int, *, talk: bool, lasts_s: float) -> Found:
    tally, speech, chance = Tally(), Speech() if talk else None, np.random.default_rng(agents)
    pipeline = Pipeline.from_yaml(FILE, set=WATCHED, env={})

    async def one(begins_ns: int) -> None:
        async with pipeline.session() as call:
            talker = Talker(call.clock, speech, begins_ns, begins_ns + round(lasts_s * SECOND), tally)
            call.observe(talker.note)
            JUDGED.set(talker.judged)
            await _whole(call, talker)

    async with pipeline:
        clock, cpu = Clock(), time.process_time()
        lag = LoopLag(clock, agents, after_ns=SECOND)  # nowhere do all calls begin in the same moment
        async with asyncio.TaskGroup() as group:
            for begins in chance.integers(0, SPREAD, agents):
                group.create_task(one(int(begins)))
        lag.stop()
        share = (time.process_time() - cpu) * SECOND / clock.now()
    late, lags = np.array(tally.late_ns) / MS, np.array(lag.late_ns) / MS
    return Found(
        agents,
        share,
        float(np.median(late)),
        float(np.percentile(late, 99)),
        float(late.max()),
        float(np.percentile(lags, 99)),
        float(lags.max()),
        tally.asked,
        tally.answered,
    )


async def _whole(call: Call, talker: Talker) -> None:
    async for _ in call.run(talker, talker.output):
        pass


if __name__ == "__main__":
    held = hold(int(sys.argv[1]), talk=sys.argv[2] == "talk", lasts_s=float(sys.argv[3]))
    found = _own_core.run(held, real="real" in sys.argv)
    print(json.dumps(found._asdict()))
