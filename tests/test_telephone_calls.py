"""Whole calls over a media stream, from one end of the line to the other, on the simulated clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.media_line import a_line
from voicepipe.api import Pipeline
from voicepipe.audio.g711 import ULAW_SILENCE, encode_ulaw
from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import Heard
from voicepipe.core.records import TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.report import CallReport
from voicepipe.testing.media_stream_caller import MediaStreamCaller
from voicepipe.transports.media_stream import MediaStream
from voicepipe.transports.media_stream_playing import FADE_MS

FILE = Path(__file__).parents[1] / "benchmarks" / "telephone.yaml"
SILENCE = bytes([ULAW_SILENCE]) * 160
WAY = 40 * MS


class Caller(MediaStreamCaller):
    """Says 20 ms after 20 ms, as a telephone does."""

    async def says(self, ms: int, loud: bool) -> None:
        chance = np.random.default_rng(1)
        for _ in range(ms // 20):
            await self._clock.sleep(20 * MS)
            self.say(encode_ulaw(chance.normal(0, 4000, 160).astype(np.int16)) if loud else SILENCE)


def held(
    script: Callable[[Caller], Coroutine[Any, Any, None]], **overrides: str
) -> tuple[Caller, CallReport, list[tuple[int, Any]]]:
    """The caller after the call, its report, and what happened in it."""
    happened: list[tuple[int, Any]] = []

    async def main() -> tuple[Caller, CallReport]:
        pipeline = Pipeline.from_yaml(FILE, set={"stages.vad": "energy", **overrides}, env={})
        async with pipeline:
            return await one_call(pipeline)

    async def one_call(pipeline: Pipeline) -> tuple[Caller, CallReport]:
        clock = Clock()
        agent, carrier = a_line(clock, WAY)
        caller = Caller(carrier, clock)

        async def call() -> CallReport:
            stream = await MediaStream.begin(agent)
            return await pipeline.hold(
                stream.ends, on_call=lambda held: held.observe(lambda at, event: happened.append((at, event)))
            )

        async with asyncio.TaskGroup() as group:
            holding = group.create_task(call())
            listening = group.create_task(caller.listen())
            caller.begin()
            await script(caller)
            caller.stop()
            report = await holding
            listening.cancel()
        return caller, report

    caller, report = run_on("simulated", main())
    return caller, report, happened


async def asks_and_listens(caller: Caller) -> None:
    await caller.says(300, loud=False)
    await caller.says(1000, loud=True)
    await caller.says(4000, loud=False)


async def interrupts(caller: Caller) -> None:
    await asks_and_listens(caller)
    await caller.says(1500, loud=True)
    await caller.says(600, loud=False)


def test_who_speaks_on_the_telephone_hears_an_answer() -> None:
    caller, report, _ = held(asks_and_listens)
    assert report.turns[0].user == "ask what you can do for your country"
    sound = caller.sound(0, 5 * SECOND)
    assert np.abs(sound[: 8 * 1300]).max() == 0
    assert np.abs(sound[8 * 4000 :]).max() > 1000
    first = np.flatnonzero(np.abs(sound) > 100)[0]
    assert np.count_nonzero(sound[first:] == 0) < 8 * 100  # no hole in it


def test_what_an_interrupted_caller_heard_is_told_to_the_millisecond() -> None:
    caller, _, happened = held(interrupts)
    began = next(at for at, pcm in caller.heard if np.abs(pcm).max() > 100)
    turn = next(
        event.turn for _, event in happened if isinstance(event, TurnEnded) and event.status == "interrupted"
    )
    told = {}
    for _, event in happened:
        if isinstance(event, Heard) and event.turn == turn and event.segment is not None:
            told[event.segment.index] = event.samples * 1000 / event.segment.rate
    at, last = caller.heard[-1]
    silent = at + last.size * SECOND // 8000
    assert abs(sum(told.values()) - (silent - began) / MS) <= 2 * FADE_MS  # of which there were two


def test_a_recorded_call_has_both_sides_in_its_file(tmp_path: Path) -> None:
    held(asks_and_listens, **{"record.dir": str(tmp_path)})
    (path,) = tmp_path.glob("*/audio.wav")
    caller, agent = (read_wav(path, channel=channel) for channel in (0, 1))
    assert caller.rate == 8000
    assert np.abs(caller.pcm[8 * 500 : 8 * 1200]).max() > 5000
    assert np.abs(caller.pcm[8 * 2000 :]).max() < 10
    assert np.abs(agent.pcm[: 8 * 1300]).max() == 0
    assert np.abs(agent.pcm[8 * 4000 :]).max() > 1000
