"""voicepipe, measured as its peers are.

``default``: as it ships. ``best``: the turn ends after 200 ms of silence, and the reply pauses as soon as the
VAD is sure that somebody speaks. ``equal``: that, and like the peers at their best a sentence at a time, and
nothing begun before the turn is over. ``every window``: as it ships, but without the gate before Silero.
"""

from __future__ import annotations

import asyncio
import time
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from benchmarks import frames as stages
from benchmarks._results import ROOT
from benchmarks.mocks import FIRST_SENTENCE, Told, tell
from benchmarks.peers.harness import Agent, Mocks, System
from benchmarks.peers.measures import answer
from benchmarks.peers.sounds import FRAME, OUTPUT_RATE, RATE, Pcm
from benchmarks.watched_vad import JUDGED
from voicepipe.api import Pipeline
from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioIn, Talk, TypedText
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import Line
from voicepipe.core.units import SECOND
from voicepipe.transports.paced import FADE_MS, PacedOutput

FILE = ROOT / "benchmarks" / "turns.yaml"
WAIT_S = 0.2
BEST: dict[str, Any] = {
    "stages.turn.strategy": "silence",
    "stages.turn.min_silence": "200ms",
    "stages.turn.barge_in.duck_after": "50ms",
    "stages.turn.barge_in.pause_after": "50ms",
}
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "best": BEST,
    "equal": BEST | {"stages.turn.speculate": [], "stages.tts.chunk.first": "sentence"},
    "every window": {"stages.vad.gate": False},
}
WATCHED = {"stages.vad.use": "benchmarks.watched_vad:WatchedSilero"}
FIRST_CLAUSE = 4
"""Words of the reply that the default says first: "Sure, I can help"."""


class Voicepipe(System):
    def __init__(self, setting: str, mocks: Mocks) -> None:
        super().__init__(setting, mocks)
        self._pipeline: Pipeline | None = None

    async def open(self, watched: bool = False) -> Agent:
        if self._pipeline is None:
            changed = (WATCHED if watched else {}) | SETTINGS[self.setting]
            self._pipeline = Pipeline.from_yaml(FILE, set=changed, env={})
            await self._pipeline.__aenter__()
        agent = VoicepipeAgent(self._pipeline, watched)
        await agent.ready.wait()
        return agent

    def unavoidable(self) -> float:
        """What is begun before the end of the turn takes longer than its silence."""
        if self.setting == "equal":
            return max(WAIT_S, self.mocks.stt_final) + self.mocks.until_audio(FIRST_SENTENCE)
        return self.mocks.stt_final + self.mocks.until_audio(FIRST_CLAUSE)

    async def frames(self, count: int) -> float:
        async with asyncio.TaskGroup() as group:
            send, receive, tasks = stages.stages(group)

            async def source() -> None:
                for number in range(count):
                    await send(AudioIn(pcm=stages.FRAME.pcm, position=number * FRAME, rate=RATE))

            began = time.process_time()
            feeding = group.create_task(source())
            for _ in range(count):
                await receive()
            took = time.process_time() - began
            await feeding
            for task in tasks:
                task.cancel()
        return took


class VoicepipeAgent(Agent):
    """Both ends of a call."""

    rate = RATE
    live: ClassVar[bool] = True

    def __init__(self, pipeline: Pipeline, watched: bool) -> None:
        super().__init__(watched)
        self.ready = asyncio.Event()
        self._over = asyncio.Event()
        self._position = 0
        self._out: Outlet[AudioIn | Talk | TypedText]
        self._clock: Clock
        self._call = asyncio.create_task(self._hold(pipeline))

    async def _hold(self, pipeline: Pipeline) -> None:
        JUDGED.set(lambda samples, by_network: self.windows.done(time.perf_counter(), counts=by_network))
        async with pipeline.session() as call:
            async for _ in call.run(self, Loudspeaker(call.clock, self)):
                pass

    async def run(self, out: Outlet[AudioIn | Talk | TypedText], line: Line) -> None:
        self._out, self._clock = out, line.clock
        self.ready.set()
        await self._over.wait()

    def push(self, pcm: bytes, words: str = "", speech_end: float = 0.0) -> None:
        position, self._position = self._position, self._position + FRAME
        caption = self._caption(words.split(), speech_end) if words else ""
        frame = AudioIn(pcm=np.frombuffer(pcm, np.int16), position=position, rate=RATE, caption=caption)
        self._out.offer(frame)

    def _caption(self, words: list[str], end: float) -> str:
        """In session time. All of them end with the last one: the mock tells no others than final words."""
        end_ns = self._clock.now() - round((time.perf_counter() - end) * SECOND)
        return tell([Told(word, end_ns, number == len(words)) for number, word in enumerate(words, 1)])

    async def close(self) -> None:
        self._over.set()
        await self._call


class Loudspeaker(PacedOutput):
    """What is written to it is heard by an agent's caller."""

    def __init__(self, clock: Clock, agent: VoicepipeAgent) -> None:
        super().__init__(clock, OUTPUT_RATE)
        self._agent = agent

    async def write(self, pcm: Pcm) -> None:
        now = time.perf_counter()
        self._agent.ear.write(now, now + self.pending() / OUTPUT_RATE, pcm)
        await super().write(pcm)

    def flush(self) -> None:
        super().flush()
        self._agent.ear.cut(time.perf_counter() + FADE_MS / 1000)


if __name__ == "__main__":
    import_module("onnxruntime")  # the peers' modules are imported by now, too
    answer(Voicepipe)
