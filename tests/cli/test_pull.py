from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import pytest

from tests.support.cli import SIM, pipeline, voicepipe
from tests.support.http_files import serving

NAME = "en_US-tones-low"
VOICE = {f"{NAME}{suffix}": suffix.encode() * 1000 for suffix in (".onnx", ".onnx.json")}
INDEX = {
    NAME: {
        "files": {
            path: {
                "size_bytes": len(data),
                "md5_digest": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            }
            for path, data in VOICE.items()
        }
    }
}
SERVED = {"/voices.json": json.dumps(INDEX).encode(), **{f"/{path}": data for path, data in VOICE.items()}}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that Piper's voices are fetched into."""
    monkeypatch.setenv("VOICEPIPE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / "piper"


def speaking(folder: Path, url: str) -> Path:
    return pipeline(folder, SIM.replace("tts: sim", f"tts: {{use: piper, voice: {NAME}, url: '{url}'}}"))


def test_a_voice_is_fetched_with_progress_and_then_is_there(
    tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(SERVED) as (url, asked):
        path = speaking(tmp_path, url)
        first = voicepipe(capsys, "pull", path)
        requests = len(asked)
        second = voicepipe(capsys, "pull", path)
    assert (first.status, first.out) == (0, "")
    assert f"fetching {NAME}.onnx: " in first.err
    assert {file.name: file.read_bytes() for file in models.iterdir()} == VOICE
    assert second.status == 0
    assert "tts: piper has everything it needs" in second.err
    assert len(asked) == requests, "what is there isn't asked for again"


def test_without_a_network_the_problem_and_the_remedy_are_told(
    tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but not listening: a connection is refused
        done = voicepipe(capsys, "pull", speaking(tmp_path, f"http://127.0.0.1:{nobody.getsockname()[1]}"))
    assert done.status == 3
    assert done.err.splitlines()[-2].startswith("tts: ")
    assert "Traceback" not in done.err
    assert not models.exists() or not list(models.iterdir())


def test_one_model_that_cannot_be_fetched_does_not_keep_the_others_away(
    tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(SERVED) as (url, _):
        voices = f"  tts/other: {{use: piper, voice: en_US-nobody-low, url: '{url}'}}\n"
        path = speaking(tmp_path, url)
        path.write_text(path.read_text().replace("  tts: ", f"{voices}  tts: "))
        done = voicepipe(capsys, "pull", path)
    assert done.status == 3
    assert "tts/other: " in done.err
    assert "en_US-nobody-low" in done.err
    assert {file.name for file in models.iterdir()} == set(VOICE)


def test_what_is_missing_after_all_is_told_and_counts(
    tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.onnx").write_bytes(b"")
    path = pipeline(tmp_path, SIM.replace("tts: sim", "tts: {use: piper, voice: ./mine.onnx}"))
    done = voicepipe(capsys, "pull", path)
    assert done.status == 3
    assert "mine.onnx.json" in done.err


def test_a_pipeline_that_needs_nothing_is_told_slot_by_slot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = voicepipe(capsys, "pull", pipeline(tmp_path), "--profile", "loud")
    assert (done.status, done.out) == (0, "")
    assert done.err.splitlines() == [
        "vad: energy has nothing to fetch",
        "stt: sim has nothing to fetch",
        "llm: sim has nothing to fetch",
        "tts: sim has nothing to fetch",
    ]
    assert voicepipe(capsys, "pull", pipeline(tmp_path), "-q").err == ""


def test_own_code_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit('it was run')")
    done = voicepipe(capsys, "pull", pipeline(tmp_path, SIM.replace("stt: sim", "stt: mine:Stt")))
    assert done.status == 0
    assert "stt: mine:Stt is code of your own, which isn't run here" in done.err
