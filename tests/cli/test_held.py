from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests.support.bad_wavs import COMMANDS
from tests.support.calls import named, sides
from tests.support.cli import SIM, Outcome, pipeline

HELLO = COMMANDS / "slt_hello.wav"
FRAME_MS = 20


class Running:
    """A command whose events are read as they happen."""

    def __init__(self, process: subprocess.Popen[str], log: Iterator[str]) -> None:
        self._process = process
        self._log = log
        self._told: list[str] = []
        self.events: list[dict[str, Any]] = []

    def wait_for(self, name: str) -> None:
        for line in self._log:
            self.events.append(json.loads(line))
            if self.events[-1]["event"] == name:
                return
        pytest.fail(f"the call ended without {name}")

    def wait_to_be_told(self, words: str) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._told.append(line)
            if words in line:
                return
        pytest.fail(f"nobody was told {words}")

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def seems_stuck(self) -> bool:
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return True
        return False

    def finish(self) -> Outcome:
        self.events += [json.loads(line) for line in self._log]
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        err = "".join([*self._told, *self._process.stderr])
        return Outcome(self._process.wait(), self._process.stdout.read(), err)


@contextmanager
def running(folder: Path, *argv: str | Path) -> Iterator[Running]:
    """``voicepipe run ARGV``, with its event log going through a pipe."""
    pipe = folder / "events"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "voicepipe", "run", *map(str, argv), "--events", str(pipe)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        limit = Timer(60, process.kill)
        limit.start()
        try:
            with pipe.open(encoding="utf-8") as log:
                yield Running(process, log)
        finally:
            limit.cancel()
            process.kill()


def test_ctrl_c_ends_the_call_and_keeps_what_there_is_of_it(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    file = pipeline(tmp_path, SIM.replace("vad: sim", "vad: energy"))
    with running(tmp_path, file, "--input", HELLO, "--output", out, "--json") as call:
        call.wait_for("Heard")  # in the midst of the reply, however late a busy computer has begun it
        call.interrupt()
        outcome = call.finish()
    assert outcome.status == 130
    assert "Traceback" not in outcome.err
    (turn,) = outcome.json["turns"]
    assert turn["agent"] != ""
    assert turn["agent"].startswith(turn["heard"])
    assert turn["agent"] != turn["heard"]
    (ended,) = named(call.events, "TurnEnded")
    assert ended["status"] == "interrupted"
    caller, agent = sides(out)
    (started,) = named(call.events, "PlaybackStarted")
    assert agent.pcm.size * 1000 / agent.rate >= started["at_ms"] - FRAME_MS
    assert not caller.is_silent


def test_ctrl_c_twice_leaves_a_hanging_tool_behind(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(
        "import ctypes\nfrom voicepipe import tool\n\n\n"
        '@tool\ndef go() -> str:\n    """Go."""\n    ctypes.CDLL(None).pause()\n'
    )
    text = SIM.replace("{prompt: Be brief.}", "{tools: [./tools.py]}")
    text = text.replace("llm: sim", "llm: {use: sim, replies: [{call: {go: {}}}]}")
    with running(tmp_path, pipeline(tmp_path, text), "--text", "go") as call:
        call.wait_for("ToolStarted")
        call.interrupt()
        call.wait_to_be_told("Ctrl-C once more leaves behind what hangs")
        call.interrupt()
        outcome = call.finish()
    assert outcome.status == 130
    assert "Traceback" not in outcome.err
    assert outcome.err.splitlines()[-1] == "interrupted"
    (finished,) = named(call.events, "ToolFinished")
    assert finished["error"]


def test_ctrl_c_interrupts_a_tool_that_blocks_the_event_loop(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(
        "import threading\nfrom voicepipe import tool\n\n\n"
        '@tool\nasync def go() -> str:\n    """Go."""\n    threading.Event().wait()\n'
    )
    text = SIM.replace("{prompt: Be brief.}", "{tools: [./tools.py]}")
    text = text.replace("llm: sim", "llm: {use: sim, replies: [{call: {go: {}}}]}")
    with running(tmp_path, pipeline(tmp_path, text), "--text", "go") as call:
        call.wait_for("ToolStarted")
        call.interrupt()
        while call.seems_stuck():
            call.interrupt()
        outcome = call.finish()
    assert outcome.status == 130
    assert "Traceback" not in outcome.err
