"""The real PortAudio, in a program of its own, on a sound server that has no hardware."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.hearing import COMMANDS, WHISPER
from tests.support.sound_server import SoundServer, sound_server

PATIENCE = "60"
"""Seconds after which a program that hangs is ended; never waited for when all is well."""

PIPELINE = f"""
voicepipe: 1
agent: {{prompt: "", greeting: "Hello there."}}
stages:
  vad: energy
  stt: {{use: faster-whisper, model: {json.dumps(str(WHISPER))}}}
  llm: {{use: sim, replies: ["You are welcome."]}}
  tts: sim
"""

QUESTION = next(clip for clip in COMMANDS if clip.name == "slt_what_time_is_it.wav")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SoundServer]:
    with sound_server(tmp_path) as running:
        yield running


class DeskProgram:
    """``voicepipe run`` by microphone; what happens in it is read as people read it."""

    def __init__(self, folder: Path, server: SoundServer, *options: str) -> None:
        (folder / "pipeline.yaml").write_text(PIPELINE)
        self.process = subprocess.Popen(
            [
                *("timeout", "--foreground", PATIENCE, sys.executable, "-m", "voicepipe"),
                *("run", str(folder / "pipeline.yaml"), *options),
            ],
            env={**os.environ, **server.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.lines: list[str] = []

    def wait_for(self, start: str) -> None:
        """Read on until a line begins with ``start``."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            if line.startswith(start):
                return
        raise AssertionError(f"no line began with {start!r}: {self.lines}")

    def end(self) -> tuple[int, str, str]:
        """Its exit status, and what was left of its output."""
        out, err = self.process.communicate()
        return self.process.returncode, out, err


def test_a_call_by_microphone_and_loudspeaker(server: SoundServer, tmp_path: Path) -> None:
    recording = tmp_path / "call.wav"
    program = DeskProgram(
        tmp_path,
        server,
        *("--json", "--output", str(recording), "--input-device", "TESTMIC", "--output-device", "testspeak"),
    )
    program.wait_for("microphone: testmic, loudspeaker: testspeaker; Ctrl-C ends the call")
    program.wait_for("agent  Hello there.")
    with server.say(QUESTION):
        program.wait_for("you    what time is it")
        program.wait_for("agent  You are welcome.")
    program.process.send_signal(signal.SIGINT)
    status, out, _ = program.end()
    assert status == 130
    assert [turn["heard"] for turn in json.loads(out)["turns"]] == ["Hello there.", "You are welcome."]
    left, right = np.frombuffer(recording.read_bytes()[44:], "<i2").reshape(-1, 2).T
    question = np.flatnonzero(abs(left) > 1000)
    agent = np.flatnonzero(abs(right) > 1000)
    assert agent[0] < question[0] < question[-1] < agent[-1], "greeting, question, answer"
    assert not (agent[(agent > question[0]) & (agent < question[-1])]).size


def test_a_sound_server_that_dies_ends_the_call_with_status_3(server: SoundServer, tmp_path: Path) -> None:
    program = DeskProgram(tmp_path, server)
    program.wait_for("agent  Hello there.")
    server.stop()
    status, _, err = program.end()
    assert status == 3
    assert "went away in the middle of the call" in err
    assert "Traceback" not in err


def test_without_any_device_one_sentence_says_so(server: SoundServer, tmp_path: Path) -> None:
    server.stop()
    status, _, err = DeskProgram(tmp_path, server).end()
    assert status == 3
    assert err.startswith("voicepipe: this computer has no microphone\n")
    assert len(err.splitlines()) == 2


def test_a_device_that_is_not_there_is_named_with_those_that_are(server: SoundServer, tmp_path: Path) -> None:
    status, _, err = DeskProgram(tmp_path, server, "--input-device", "webcam").end()
    assert status == 3
    assert "no microphone has 'webcam' in its name" in err
    assert "'testmic'" in err
