from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import SIM, pipeline, spawn, voicepipe
from voicepipe.cli.doctor import Findings
from voicepipe.cli.machine import Readiness, Sound, packages
from voicepipe.transports.sound_devices import SoundDevice

SECRET = "sk-doctor-must-not-tell"


def device(name: str, *, inputs: int = 0, outputs: int = 0) -> SoundDevice:
    return SoundDevice(
        index=0,
        name=name,
        system="ALSA",
        inputs=inputs,
        outputs=outputs,
        rate=48_000,
        default_input=inputs > 0,
        default_output=False,
    )


def report(findings: Findings) -> str:
    return "\n".join(findings.lines(lambda text, *styles: text))


def findings(**found: Any) -> Findings:
    given: dict[str, Any] = {
        "packages": packages(),
        "sound": Sound(),
        "keys": {},
        "env_file": (),
        "providers": [],
    }
    return Findings(**{**given, **found})


def test_without_a_file_the_computer_is_described_and_the_status_is_0(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = voicepipe(capsys, "doctor")
    assert done.status == 0
    for heading in ("packages\n", "sound\n", "keys\n", "providers, with their default settings\n"):
        assert f"\n{heading}" in done.out
    assert "numpy " in done.out
    assert ["tts", "sim", "ready"] in [line.split() for line in done.out.splitlines()]


def test_a_pipeline_that_can_run_is_said_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "doctor", pipeline(tmp_path))
    assert done.status == 0
    assert "It can run on this computer." in done.out


def test_a_model_that_is_missing_is_named_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pipeline(tmp_path, SIM.replace("stt: sim", "stt: faster-whisper/./gone"))
    done = voicepipe(capsys, "doctor", path)
    assert done.status == 3
    assert "gone" in done.out.partition(str(path))[2]
    assert "It can't run on this computer yet." in done.out
    assert f"Models are fetched by: voicepipe pull {path}" in done.out


def test_a_file_of_tools_that_is_missing_keeps_it_from_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pipeline(tmp_path, SIM.replace("prompt: Be brief.", "tools: [./tools.py]"))
    done = voicepipe(capsys, "doctor", path)
    assert done.status == 3
    assert f"there is no file '{tmp_path / 'tools.py'}'" in done.out


def test_a_broken_file_is_told_after_what_is_known_of_the_computer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pipeline(tmp_path, SIM.replace("stt: sim", "stt: smi"))
    done = voicepipe(capsys, "doctor", path)
    assert done.status == 2
    assert "\npackages\n" in done.out
    assert f"{path}:5:8: unknown stt provider 'smi'" in done.err


def test_keys_are_told_by_name_with_their_origin_and_never_by_value(tmp_path: Path) -> None:
    path = pipeline(tmp_path, SIM.replace("llm: sim", "llm: openai/gpt-6-luna"))
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={SECRET}\nOTHER={SECRET}\n")
    for options in ([], ["--json"]):
        done = spawn("doctor", path, *options, OPENAI_API_KEY="")
        assert SECRET not in done.out + done.err
    done = spawn("doctor", path, OPENAI_API_KEY="from-the-process")
    assert "OPENAI_API_KEY  set, for llm openai" in done.out
    assert "taken from .env: OTHER" in done.out
    assert "from-the-process" not in done.out


def test_own_code_is_not_run_and_said_not_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit('it was run')")
    done = voicepipe(capsys, "doctor", pipeline(tmp_path, SIM.replace("stt: sim", "stt: mine:Stt")))
    assert done.status == 0
    assert "own code, which wasn't looked at: mine:Stt" in done.out


def test_json_holds_the_same_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = pipeline(tmp_path)
    data = voicepipe(capsys, "doctor", path, "--json").json
    assert data["packages"]["base"]["numpy"]
    assert data["pipeline"]["can_run"] is True
    assert [slot["kind"] for slot in data["pipeline"]["slots"]] == ["vad", "stt", "llm", "tts"]
    assert {"kind": "vad", "name": "energy"}.items() <= data["providers"][-3].items()
    assert "pipeline" not in voicepipe(capsys, "doctor", "--json").json


def test_a_package_that_is_missing_is_told_with_the_command_that_installs_it() -> None:
    text = report(
        findings(packages={"base": {"numpy": "2.0"}, "local": {"openai": None, "piper-tts": "1.8"}})
    )
    assert "  base   numpy 2.0" in text
    assert "  local  piper-tts 1.8" in text
    assert "not installed: openai; install with: " in text
    assert "[local]" in text


def test_devices_are_listed_by_what_they_are_for() -> None:
    both = Sound((device("Headset", inputs=1, outputs=2),))
    text = report(findings(sound=both))
    assert "  microphone   Headset (ALSA), used by default\n  loudspeaker  Headset (ALSA)\n" in text
    assert both.enough
    assert not Sound((device("Speakers", outputs=2),)).enough


def test_without_sound_a_pipeline_that_can_run_is_told_how() -> None:
    ready = (Readiness("vad", "sim", ()),)
    text = report(findings(sound=Sound(problem="no PortAudio\n  install it"), file="a.yaml", pipeline=ready))
    assert "\nsound\n  no PortAudio\n  install it\n" in text
    assert "use --input or --text" in text


def test_models_that_are_here_are_told_below_their_provider() -> None:
    text = report(findings(providers=[Readiness("tts", "acme", ("no voice",), models=("ann", "bob"))]))
    assert "  tts  acme  no voice\n             models here: ann, bob" in text


def test_a_provider_that_needs_settings_is_told_with_their_names() -> None:
    text = report(findings(providers=[Readiness("llm", "acme", (), settings=("model", "region"))]))
    assert "  llm  acme  ready, once it is given model and region" in text
