from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import SIM, pipeline, spawn, voicepipe


def test_the_drawing_shows_what_fills_each_slot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "graph", pipeline(tmp_path), "--set", "stages.tts=espeak/en-us")
    assert (done.status, done.err) == (0, "")
    rows = [row.strip("│ ├─┐┬◄┴┘") for row in done.out.splitlines()]
    for slot, fills in (("vad", "sim"), ("turn", "adaptive"), ("tts", "espeak/en-us")):
        assert rows[rows.index(slot) + 1] == fills


def test_a_profile_draws_another_pipeline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = pipeline(tmp_path)
    assert "energy" not in voicepipe(capsys, "graph", path).out
    assert "energy" in voicepipe(capsys, "graph", path, "--profile", "loud").out


def test_mermaid_is_printed_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = voicepipe(capsys, "graph", pipeline(tmp_path), "--mermaid").out
    assert out.startswith("flowchart LR\n")
    assert '  turn -- "UserTurn" --> llm\n' in out


def test_stages_that_do_not_fit_together_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "graph", pipeline(tmp_path, SIM.replace("  stt: sim\n", "")))
    assert done.status == 2
    assert "voicepipe: 'turn' needs Transcript, but no stage gives it" in done.err


def test_a_model_from_the_environment_is_masked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICE", "en-us-secret")
    path = pipeline(tmp_path, SIM.replace("tts: sim", 'tts: "espeak/${env:VOICE}"'))
    out = voicepipe(capsys, "graph", path).out
    assert "espeak/****" in out
    assert "secret" not in out


def test_own_code_is_drawn_without_being_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit('it was run')")
    done = voicepipe(capsys, "graph", pipeline(tmp_path, SIM.replace("stt: sim", "stt: mine:Stt")))
    assert done.status == 0
    assert "mine:Stt" in done.out


def test_where_lines_can_not_be_printed_the_drawing_is_ascii(tmp_path: Path) -> None:
    done = spawn("graph", pipeline(tmp_path), PYTHONIOENCODING="ascii")
    assert done.status == 0
    assert done.out.startswith("+---")
    assert "?" not in done.out
