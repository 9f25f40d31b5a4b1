from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import SIM, pipeline, spawn, voicepipe

PIPELINES = Path(__file__).parents[2] / "pipelines"
BROKEN = """\
voicepipe: 1
agent: {prompt: "Hi {{nam}}", variables: {name: {}}}
stages:
  vda: sim
  stt: simm
  llm: {use: sim, replyes: []}
  tts: sim
profiles:
  fast: {stages: {tts: {use: sim, rate: fast}}}
"""


def test_a_good_file_is_called_fine_with_its_profiles(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = voicepipe(capsys, "validate", pipeline(tmp_path))
    assert done.status == 0
    assert "pipeline.yaml: fine, 5 stages, also under the profile loud" in done.err
    assert done.out == ""


def test_all_problems_of_all_profiles_are_told_at_their_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pipeline(tmp_path, BROKEN)
    done = voicepipe(capsys, "validate", path)
    assert done.status == 2
    places = [line.partition(": ")[0] for line in done.err.splitlines() if line.startswith(f"{path}:")]
    assert places == [f"{path}:{at}" for at in ("2:17", "4:3", "5:8", "6:19", "9:41")] + [str(path)]
    for guess in ("'name'?", "'vad'?", "'sim'?", "'replies'?"):
        assert f"Did you mean {guess}" in done.err
    assert f"{path}: 5 problems" in done.err


def test_several_files_are_all_checked_and_the_worst_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = pipeline(tmp_path), pipeline(tmp_path, BROKEN, "bad.yaml")
    done = voicepipe(capsys, "validate", bad, good, tmp_path / "none.yaml")
    assert done.status == 2
    assert "pipeline.yaml: fine" in done.err
    assert "bad.yaml: 5 problems" in done.err
    assert "none.yaml: can't read the file" in done.err


def test_stages_that_do_not_fit_together_are_a_problem_of_the_profile_that_removes_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pipeline(tmp_path, SIM + "  deaf: {stages: {stt: null}}\n  mute: {stages: {tts: null}}\n")
    done = voicepipe(capsys, "validate", path)
    assert done.status == 2
    assert f"{path}:4:3: under the profile 'deaf' 'turn' needs Transcript, but no stage gives it" in done.err
    assert "under the profile 'mute' the call needs AudioOut" in done.err


def test_a_graph_problem_that_every_profile_shares_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = voicepipe(capsys, "validate", pipeline(tmp_path, SIM.replace("  tts: sim\n", "")))
    assert done.err.count("the call needs AudioOut") == 1
    assert "1 problem\n" in done.err


def test_a_file_of_tools_that_is_not_there_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pipeline(tmp_path, SIM.replace("prompt: Be brief.", "tools: [./tools.py]"))
    done = voicepipe(capsys, "validate", path)
    assert done.status == 2
    assert f"{path}:2:17: there is no file '{tmp_path / 'tools.py'}'" in done.err
    (tmp_path / "tools.py").write_text("raise SystemExit('it was run')")
    assert voicepipe(capsys, "validate", path).status == 0, "and it isn't run"


def test_a_file_of_a_provider_that_is_not_there_is_a_problem_but_a_model_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pipeline(tmp_path, SIM.replace("llm: sim", "llm: {use: rules, file: ./rulse.yaml}"))
    done = voicepipe(capsys, "validate", path)
    assert done.status == 2
    assert f"{path}:6:27: there is no file '{tmp_path / 'rulse.yaml'}'" in done.err
    (tmp_path / "rulse.yaml").write_text("intents: {}")
    assert voicepipe(capsys, "validate", path).status == 0
    model = pipeline(tmp_path, SIM.replace("vad: sim", "vad: {use: silero, model: ./vad.onnx}"))
    assert voicepipe(capsys, "validate", model).status == 0, "models may have to be fetched"


def test_what_is_hardly_meant_is_a_warning_and_leaves_the_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pipeline(tmp_path, SIM.replace("prompt: Be brief.", "variables: {name: {}}"))
    done = voicepipe(capsys, "validate", path)
    assert done.status == 0
    assert "warning: the variable 'name' is inserted nowhere" in done.err
    assert done.err.count("warning:") == 1, "though two profiles share it"
    assert "fine, 5 stages, also under the profile loud, 1 warning" in done.err


def test_json_tells_problems_and_warnings_with_their_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = pipeline(tmp_path, SIM.replace("prompt: Be brief.", "variables: {name: {}}"))
    bad = pipeline(tmp_path, SIM.replace("vad: sim", "vad: smi"), "bad.yaml")
    done = voicepipe(capsys, "validate", "--json", good, bad)
    assert done.status == 2
    assert done.err == ""
    first, second = done.json["files"]
    assert (first["file"], first["ok"], first["profiles"]) == (str(good), True, ["loud"])
    assert [warning["line"] for warning in first["warnings"]] == [2]
    (problem,) = second["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == (str(bad), 4, 8)
    assert "smi" in problem["message"]
    assert "sim" in problem["hint"]


def test_own_code_is_left_alone_and_can_be_forbidden(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit('it was run')")
    path = pipeline(tmp_path, SIM.replace("stt: sim", "stt: mine:Stt"))
    assert voicepipe(capsys, "validate", path).status == 0
    done = voicepipe(capsys, "validate", "--no-code", path)
    assert done.status == 2
    assert "own code isn't allowed here: 'mine:Stt'" in done.err


def test_an_override_is_checked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "validate", pipeline(tmp_path), "--set", "stages.tts=sjm")
    assert done.status == 2
    assert "--set stages.tts" in done.err


def test_quiet_tells_problems_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert voicepipe(capsys, "validate", "-q", pipeline(tmp_path)).err == ""
    assert "smi" in voicepipe(capsys, "validate", "-q", pipeline(tmp_path, SIM.replace("sim", "smi"))).err


@pytest.mark.parametrize("name", ["local", "openai", "quickstart", "robot", "sim"])
def test_numpy_and_the_engines_are_not_imported(name: str) -> None:
    """The command is to answer at once, and in an editor at each saving."""
    script = """
import sys
from voicepipe.cli.main import main
status = main(sys.argv[1:])
heavy = {"numpy", "onnxruntime", "faster_whisper", "openai", "sounddevice", "voicepipe.api"}
sys.exit(status or ", ".join(heavy & set(sys.modules)) or 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, "validate", str(PIPELINES / f"{name}.yaml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_the_command_works_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = spawn("validate", pipeline(tmp_path))
    assert done.status == 0
    assert "fine" in done.err
    assert "\x1b" not in done.err, "no colour where there is no terminal"
