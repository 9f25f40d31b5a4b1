"""What the commands tell of a slot's fallbacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.chat import answering
from tests.support.cli import SIM, pipeline, voicepipe
from voicepipe.testing.openai_server import Reply

FALLBACK = 'stages.llm.fallback=[{use: sim, seed: 1, replies: ["The other one speaks."]}]'


def test_the_drawing_names_them_behind_the_provider_that_is_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = voicepipe(capsys, "graph", pipeline(tmp_path), "--set", "stages.tts.fallback=[espeak/en-us]").out
    assert "sim, else espeak/en-us" in out


def test_a_shipped_pipeline_shows_how_one_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    shipped = Path(__file__).parents[2] / "pipelines" / "openai.yaml"
    assert voicepipe(capsys, "validate", shipped).status == 0
    out = voicepipe(capsys, "graph", shipped).out
    assert "openai/gpt-6-luna, else openai/gpt-6.1-terra" in " ".join(out.split())


def test_a_file_that_one_of_them_needs_is_missed_at_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = "  llm: {use: sim, fallback: [{use: rules, file: ./no.yaml}]}\n"
    path = pipeline(tmp_path, SIM.replace("  llm: sim\n", rules))
    done = voicepipe(capsys, "validate", path)
    assert done.status == 2
    assert "there is no file" in done.out + done.err
    assert f":{SIM.split('  llm: sim')[0].count(chr(10)) + 1}:" in done.out + done.err


def test_pull_looks_after_them_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = voicepipe(capsys, "pull", pipeline(tmp_path), "--set", "stages.tts.fallback=[sim]").err
    assert "tts.fallback.0" not in out, "the same as the first, so that it is none"
    told = voicepipe(capsys, "pull", pipeline(tmp_path), "--set", FALLBACK)
    assert "llm.fallback.0: sim has nothing to fetch" in told.out + told.err


def test_a_call_shows_when_one_of_them_takes_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fails = "stages.llm.fail={kind: authentication}"
    done = voicepipe(
        capsys,
        *("run", pipeline(tmp_path), "--text", "hello", "--clock", "simulated", "--json"),
        *("--set", fails, "--set", FALLBACK),
    )
    assert done.status == 0
    assert "switch llm: sim instead of sim (call 1 of the session fails" in done.err
    (turn,) = done.json["turns"]
    assert turn["heard"] == "The other one speaks."
    (switch,) = done.json["switches"]
    assert (switch["slot"], switch["turn"]) == ("llm", 1)


def test_where_the_words_go_is_told_of_them_too_and_that_one_could_not_be_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openai", reason="needs the extra 'local'")
    with answering() as gone:
        address = gone.base_url
    with answering(Reply(text=["Hi."])) as server:
        llm = {
            "use": "openai/test-model",
            "base_url": server.base_url,
            "fallback": [{"use": "openai/test-model", "base_url": address}],
        }
        done = voicepipe(
            capsys,
            *("run", pipeline(tmp_path), "--text", "hello", "--gap", "0ms"),
            *("--set", f"stages.llm={json.dumps(llm)}"),
        )
    assert done.status == 0
    assert f"llm.fallback.0: openai at {address}" in done.err
    assert "warning: llm: openai/test-model couldn't be started" in done.err
