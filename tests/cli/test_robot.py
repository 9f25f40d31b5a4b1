"""Spoken commands through the offline pipelines: what is said must reach the right tool."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import voicepipe
from tests.support.clips import clip
from voicepipe.cli.files import shipped

ROBOT = {
    "go forward ten meters": ("move", {"direction": "forward", "distance": 10, "unit": "meters"}),
    "move left three feet": ("move", {"direction": "left", "distance": 3, "unit": "feet"}),
    "stop": ("stop", {}),
}
HOUSEHOLD = {
    "what time is it": ("get_time", {}),
    "what is the weather in Paris": ("get_weather", {"city": "Paris"}),
    "set a timer for twenty five minutes": ("set_timer", {"minutes": 25}),
    "turn off the lights in the bedroom": ("set_lights", {"room": "bedroom", "state": "off"}),
    "where is my order one two three four five": ("get_order_status", {"number": "12345"}),
}


def tool_calls(capsys: pytest.CaptureFixture[str], file: str, recording: Path) -> list[tuple[str, Any]]:
    """What the shipped pipeline ``file`` does when it hears ``recording``."""
    outcome = voicepipe(capsys, "run", shipped(file), "--input", recording, "--clock", "simulated", "--json")
    assert outcome.status == 0, outcome.err
    return [
        (call["name"], call["arguments"]) for turn in outcome.json["turns"] for call in turn["tool_calls"]
    ]


def spoken(folder: Path, voice: str, words: str) -> Path:
    """``words`` by a voice that neither the repository nor the recogniser's makers know of."""
    if shutil.which("flite") is None:
        pytest.skip("flite isn't installed")
    recording = folder / "spoken.wav"
    subprocess.run(["flite", "-voice", voice, "-t", words, "-o", recording], check=True)
    return recording


def test_a_person_moves_the_robot(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool_calls(capsys, "robot.yaml", clip("ps_goforward.wav")) == [ROBOT["go forward ten meters"]]


@pytest.mark.parametrize("words", ROBOT)
@pytest.mark.parametrize("voice", ["awb", "rms"])
def test_other_voices_move_the_robot(
    voice: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool_calls(capsys, "robot.yaml", spoken(tmp_path, voice, words)) == [ROBOT[words]]


@pytest.mark.parametrize("words", HOUSEHOLD)
@pytest.mark.parametrize("voice", ["awb", "rms"])
def test_other_voices_use_the_household(
    voice: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool_calls(capsys, "quickstart.yaml", spoken(tmp_path, voice, words)) == [HOUSEHOLD[words]]
