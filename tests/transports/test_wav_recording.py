"""The stereo file of whole calls on the simulated clock: caller left, agent right."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.tones import split_tone, tone
from voicepipe.api import Pipeline
from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Pcm, PlaybackStarted
from voicepipe.core.records import TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.transports.wav import OUTPUT_RATE, Clip, WavCall

RATE = 16_000
FRAME = OUTPUT_RATE // 50
BEGIN = 500 * MS
"""When the caller begins: there is no greeting, so a gap of silence comes first."""

SIM = """\
voicepipe: 1
stages:
  vad: energy
  stt: {use: sim, texts: [where is it, stop]}
  llm: {use: sim, replies: ["It left this morning and arrives on Friday before noon.", "Sorry."]}
  tts: sim
"""


class Held:
    """A call with one clip; its events, and both sides of its recording at 24 kHz."""

    def __init__(self, folder: Path, pcm: Pcm) -> None:
        (folder / "sim.yaml").write_text(SIM)
        self.events: list[tuple[int, Any]] = []
        ends = partial(
            WavCall,
            script=[Clip("a.wav", pcm, end_of_speech=pcm.size)],
            rate=RATE,
            recording=folder / "call.wav",
        )
        pipe = Pipeline.from_yaml(folder / "sim.yaml", env={})
        run_on("simulated", pipe.hold(ends, on_call=lambda call: call.observe(self._note)))
        wav = (folder / "call.wav").read_bytes()
        self.left, self.right = np.frombuffer(wav[44:], "<i2").reshape(-1, 2).T

    def _note(self, at_ns: int, event: Any) -> None:
        self.events.append((at_ns, event))

    def samples(self, kind: type[Any]) -> list[int]:
        """Where in the recording each event of ``kind`` came."""
        return [at * OUTPUT_RATE // SECOND for at, event in self.events if isinstance(event, kind)]

    def agent_began(self) -> list[int]:
        loud = np.flatnonzero(self.right)
        return [int(at) for at in loud[np.diff(loud, prepend=-OUTPUT_RATE) > OUTPUT_RATE // 10]]


def speech(seconds: float) -> Pcm:
    return tone(300, RATE, seconds, peak=8000)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE), np.int16)


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Held:
    return Held(tmp_path_factory.mktemp("answered"), speech(1.0))


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Held:
    """The caller speaks up again 2.5 s into a pause, in the middle of the reply."""
    pcm = np.concatenate((speech(1.0), silence(2.5), speech(1.0)))
    return Held(tmp_path_factory.mktemp("interrupted"), pcm)


def test_the_recording_is_a_stereo_file_that_can_be_read(answered: Held, tmp_path: Path) -> None:
    Held(tmp_path, speech(1.0))
    wav = read_wav(tmp_path / "call.wav")
    assert wav.rate == OUTPUT_RATE
    assert wav.pcm.size == answered.left.size


def test_the_caller_is_left_where_he_spoke(answered: Held) -> None:
    start = BEGIN * OUTPUT_RATE // SECOND
    assert not answered.left[: start - OUTPUT_RATE // 1000].any()
    spoken = answered.left[start : start + OUTPUT_RATE]
    tone_level, rest = split_tone(spoken[100:-100], 300, OUTPUT_RATE)
    assert rest < tone_level / 100
    onset = int(np.flatnonzero(np.abs(answered.left) > 1000)[0])
    assert onset - start < OUTPUT_RATE // 500  # a resampler's delay
    assert not answered.left[start + OUTPUT_RATE + OUTPUT_RATE // 500 :].any()


def test_the_agent_is_right_from_when_he_was_heard(answered: Held) -> None:
    (began,), (told,) = answered.agent_began(), answered.samples(PlaybackStarted)
    assert abs(began - told) <= FRAME
    end = int(np.flatnonzero(answered.right)[-1])
    (ended,) = answered.samples(TurnEnded)
    assert abs(end - ended) <= FRAME


def test_an_interruption_cuts_the_agents_channel(interrupted: Held) -> None:
    turns = [event for _, event in interrupted.events if isinstance(event, TurnEnded)]
    assert [turn.status for turn in turns] == ["interrupted", "completed"]
    cut, second = interrupted.samples(TurnEnded)[0], interrupted.agent_began()[1]
    assert interrupted.right[cut - 2 * FRAME : cut - FRAME].any()
    assert not interrupted.right[cut + FRAME : second].any()
    assert second - cut > OUTPUT_RATE  # the caller goes on speaking meanwhile


def test_what_is_cut_off_fades_instead_of_clicking(interrupted: Held) -> None:
    cut = interrupted.agent_began()[1]
    end = int(np.flatnonzero(interrupted.right[:cut])[-1])
    last = np.abs(interrupted.right[end - OUTPUT_RATE // 1000 : end + 1].astype(int))
    before = np.abs(interrupted.right[end - 5 * FRAME : end - FRAME // 2].astype(int))
    assert last.max() < before.max() / 4


def test_what_was_heard_is_what_the_recording_holds(interrupted: Held) -> None:
    first, second = interrupted.agent_began()
    end = int(np.flatnonzero(interrupted.right[:second])[-1])
    turn = next(event for _, event in interrupted.events if isinstance(event, TurnEnded))
    words = (end - first) / (OUTPUT_RATE / 2.5)
    assert len(turn.heard.split()) == pytest.approx(words, abs=1)
