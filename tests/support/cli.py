"""Commands as a user types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from voicepipe.cli.main import main

SIM = """\
voicepipe: 1
agent: {prompt: Be brief.}
stages:
  vad: sim
  stt: sim
  llm: sim
  tts: sim
profiles:
  loud: {stages: {vad: energy}}
"""


@dataclass(frozen=True)
class Outcome:
    """What a command printed and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def voicepipe(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> Outcome:
    """Run a command in this process."""
    capsys.readouterr()
    status = main([str(one) for one in argv])
    return Outcome(status, *capsys.readouterr())


def spawn(*argv: str | Path, cwd: Path | None = None, **env: str) -> Outcome:
    """Run a command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "voicepipe", *map(str, argv)],
        cwd=cwd,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **env},
        capture_output=True,
        check=False,
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def pipeline(folder: Path, text: str = SIM, name: str = "pipeline.yaml") -> Path:
    """The file ``name`` in ``folder`` with ``text``."""
    path = folder / name
    path.write_text(text)
    return path
