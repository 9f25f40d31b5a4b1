"""A caller who doesn't let the agent finish, through the public API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.support.bad_wavs import COMMANDS
from tests.support.calls import Side, sides
from tests.support.cli import pipeline
from tests.support.remembering import REPLY, Remembering
from voicepipe import Pipeline
from voicepipe.audio.level import first_audible
from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import run_on
from voicepipe.core.frames import AudioIn, Pcm, PlaybackStarted, TypedText
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import Line
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.report import CallReport
from voicepipe.transports.paced import PacedOutput
from voicepipe.transports.recording import Recording

RATE = 16_000
FRAME = RATE // 50
OUTPUT_RATE = 24_000
PATIENCE = 2 * SECOND
"""How much of the reply the caller listens to."""

FILE = """\
voicepipe: 1
agent: {prompt: Count.}
stages:
  vad: energy
  stt: {use: sim, texts: [Count to ten, Stop]}
  llm: tests.support.remembering:Remembering
  tts: sim
"""


class Impatient:
    """Asks, listens for a while, and speaks again. An ``AudioInput`` and an observer of the call."""

    live: ClassVar[bool] = False
    rate = RATE

    def __init__(self, question: Pcm, remark: Pcm, recording: Recording) -> None:
        self._question = question
        self._remark = remark
        self._recording = recording
        self._heard_ns: int | None = None
        self._position = 0
        self.remark_ns = 0
        """When the first sample of the remark is spoken."""

    def __call__(self, at_ns: int, event: Any) -> None:
        if isinstance(event, PlaybackStarted) and self._heard_ns is None:
            self._heard_ns = at_ns

    async def run(self, out: Outlet[AudioIn | TypedText], line: Line) -> None:
        self._recording.begin(line.clock.now())
        silence = np.zeros(FRAME, np.int16)
        for start in range(0, self._question.size, FRAME):
            await self._send(self._question[start : start + FRAME], out, line)
        while self._heard_ns is None or line.clock.now() < self._heard_ns + PATIENCE:
            await self._send(silence, out, line)
        self.remark_ns = self._position * SECOND // RATE
        for start in range(0, self._remark.size, FRAME):
            await self._send(self._remark[start : start + FRAME], out, line)
        while line.idle_since is None:
            await self._send(silence, out, line)

    async def _send(self, pcm: Pcm, out: Outlet[AudioIn | TypedText], line: Line) -> None:
        pcm = np.pad(pcm, (0, FRAME - pcm.size))
        position, self._position = self._position, self._position + FRAME
        await line.clock.sleep_until(self._position * SECOND // RATE)
        await out.send(AudioIn(pcm=pcm, position=position, rate=RATE))
        self._recording.add_caller(pcm)


@dataclass(frozen=True)
class Interrupted:
    report: CallReport
    asked: list[str]
    agent: Side
    onset_ms: float
    """Of the caller's remark."""


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    folder = tmp_path_factory.mktemp("barge-in")
    question, remark = (read_wav(COMMANDS / f"slt_{what}.wav").pcm for what in ("hello", "stop"))
    callers: list[Impatient] = []

    async def hold() -> CallReport:
        pipe = Pipeline.from_yaml(pipeline(folder, FILE))
        async with pipe, pipe.session() as session:
            output = PacedOutput(session.clock, OUTPUT_RATE, recorded=True)
            recording = Recording(folder / "out.wav", caller_rate=RATE, agent=output.track)
            callers.append(Impatient(question, remark, recording))
            session.observe(callers[0])
            async for _ in session.run(callers[0], output):
                pass
            recording.close()
            return session.report

    Remembering.asked.clear()
    report = run_on("simulated", hold())
    asked = [[message.text for message in messages] for messages in Remembering.asked]
    begin = first_audible(remark, RATE)
    assert begin is not None
    onset_ms = callers[0].remark_ns / MS + begin * 1000 / RATE
    return Interrupted(report, asked[-1], sides(folder / "out.wav")[1], onset_ms)


def test_a_reply_is_cut_off_where_the_caller_speaks_up(call: Interrupted) -> None:
    first, second = call.report.turns
    assert (first.status, second.status) == ("interrupted", "completed")
    assert second.user == "Stop"
    assert first.heard
    assert len(first.heard) < len(REPLY) / 2


def test_the_agent_is_silent_within_300_ms_after_the_caller_speaks_up(call: Interrupted) -> None:
    assert not call.agent.between(call.onset_ms - 200, call.onset_ms).is_silent
    timeline = call.report.turns[1].timeline
    assert timeline is not None
    next_ms = timeline.marks[-1].at_ns / MS
    assert next_ms > call.onset_ms + 300
    assert call.agent.between(call.onset_ms + 300, next_ms).is_silent
    assert not call.agent.between(next_ms, next_ms + 200).is_silent


def test_the_model_is_told_of_its_reply_only_what_was_heard(call: Interrupted) -> None:
    assert call.asked[1:] == ["Count to ten", call.report.turns[0].heard, "Stop"]
