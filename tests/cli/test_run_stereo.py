"""Recordings with two channels, as they come from headsets and from recorded calls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.bad_wavs import COMMANDS
from tests.support.cli import SIM, Outcome, pipeline, voicepipe
from voicepipe.audio.wav import read_wav, write_wav
from voicepipe.core.frames import Pcm

RATE = 16_000
CALLER, AGENT = (
    read_wav(COMMANDS / name).pcm for name in ("slt_hello.wav", "kal_what_is_the_weather_in_paris.wav")
)


def recorded_call(folder: Path, *, caller_left: bool = True) -> Path:
    """The caller says hello, and the agent speaks after that: each on one side."""
    pause = np.zeros(RATE, np.int16)
    caller: Pcm = np.concatenate((CALLER, pause, np.zeros_like(AGENT)))
    agent: Pcm = np.concatenate((np.zeros_like(CALLER), pause, AGENT))
    path = folder / "call.wav"
    write_wav(path, np.stack((caller, agent) if caller_left else (agent, caller), axis=1), RATE)
    return path


def run(capsys: pytest.CaptureFixture[str], folder: Path, *options: str | Path) -> Outcome:
    file = pipeline(folder, SIM.replace("vad: sim", "vad: energy"))
    return voicepipe(capsys, "run", file, "--clock", "simulated", "--json", *options)


def test_a_stereo_headset_with_the_agent_on_one_side_is_heard_on_the_other_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(capsys, tmp_path, "--input", recorded_call(tmp_path))
    assert outcome.status == 0, outcome.err
    assert len(outcome.json["turns"]) == 1
    assert "call.wav: its channels hold two different sounds" in outcome.err
    assert "--input-channel right" in outcome.err


def test_the_other_side_is_taken_when_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = recorded_call(tmp_path, caller_left=False)
    outcome = run(capsys, tmp_path, "--input", call, "--input-channel", "right")
    assert outcome.status == 0, outcome.err
    assert len(outcome.json["turns"]) == 1
    assert "channels" not in outcome.err


def test_both_sides_are_mixed_when_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(capsys, tmp_path, "--input", recorded_call(tmp_path), "--input-channel", "both")
    assert outcome.status == 0, outcome.err
    assert len(outcome.json["turns"]) == 2, "the agent of the recording is answered as well"


def test_a_silent_side_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "headset.wav"
    write_wav(path, np.stack((np.zeros_like(CALLER), CALLER), axis=1), RATE)
    outcome = run(capsys, tmp_path, "--input", path)
    assert len(outcome.json["turns"]) == 1
    assert "headset.wav: the left channel is silent, the right one is heard" in outcome.err


def test_ordinary_stereo_is_nothing_to_talk_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "stereo.wav"
    write_wav(path, np.stack((CALLER, CALLER // 2), axis=1), RATE)
    outcome = run(capsys, tmp_path, "--input", path)
    assert len(outcome.json["turns"]) == 1
    assert "channel" not in outcome.err


def test_a_channel_that_a_file_has_not_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(capsys, tmp_path, "--input", COMMANDS / "slt_hello.wav", "--input-channel", "right")
    assert outcome.status == 3
    assert "channel 1 was asked for, the file has 1" in outcome.err
