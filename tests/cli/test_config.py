from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import SIM, pipeline, spawn, voicepipe

EXTENDING = """\
voicepipe: 1
extends: pipeline.yaml
agent: {greeting: "${env:GREETING}"}
stages:
  tts: {use: sim, seed: 7}
"""


def test_the_resolved_pipeline_is_a_pipeline_file_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = voicepipe(capsys, "config", pipeline(tmp_path), "-p", "loud", "--set", "stages.stt.texts=[hi]")
    assert done.status == 0
    again = pipeline(tmp_path, done.out, "again.yaml")
    assert voicepipe(capsys, "config", again).out == done.out
    assert "use: energy" in done.out
    assert "profiles" not in done.out


def test_values_from_the_environment_are_masked_everywhere(tmp_path: Path) -> None:
    pipeline(tmp_path)
    path = pipeline(tmp_path, EXTENDING, "top.yaml")
    for options in ([], ["--json"], ["--explain"], ["--explain", "--json"]):
        done = spawn("config", path, *options, GREETING="hunter2-hunter2")
        assert done.status == 0
        assert "hunter2" not in done.out + done.err
        assert "****" in done.out


def test_explain_names_the_file_and_line_behind_each_value_and_what_was_dropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = pipeline(tmp_path)
    path = pipeline(tmp_path, EXTENDING.replace("${env:GREETING}", "Hello"), "top.yaml")
    done = voicepipe(capsys, "config", path, "--explain", "-p", "loud", "--set", "stages.llm.seed=3")
    lines = {line.partition(": ")[0].strip(): line for line in done.out.splitlines()}
    assert f"{base}:2:17" in lines["agent.prompt"]
    assert f"{path}:3:19" in lines["agent.greeting"]
    assert "--set stages.llm.seed" in lines["stages.llm.seed"]
    _, _, dropped = done.out.partition("dropped:\n")
    assert 'stages.vad.use: "sim"' in dropped
    assert f"replaced, at {base}:9:" in dropped


def test_json_has_the_same_content_as_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = pipeline(tmp_path)
    data = voicepipe(capsys, "config", path, "--json").json
    assert data["stages"]["tts"] == {"use": "sim"}
    explained = voicepipe(capsys, "config", path, "--json", "--explain", "-p", "loud").json
    assert {"path": "voicepipe", "value": 1, "at": f"{path}:1:12"} in explained["values"]
    assert {"path": "stages.turn", "value": {}, "at": None} in explained["values"]
    (dropped,) = explained["dropped"]
    assert (dropped["path"], dropped["value"], dropped["reason"]) == ("stages.vad.use", "sim", "replaced")
    assert dropped["by"] == f"{path}:9:24"


def test_an_unknown_profile_is_told_with_the_known_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = voicepipe(capsys, "config", pipeline(tmp_path), "-p", "lound")
    assert done.status == 2
    assert "there is no profile 'lound'. Did you mean 'loud'?" in done.err
    assert done.out == ""


def test_own_code_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit('it was run')")
    done = voicepipe(capsys, "config", pipeline(tmp_path, SIM.replace("stt: sim", "stt: mine:Stt")))
    assert done.status == 0
    assert "use: mine:Stt" in done.out
