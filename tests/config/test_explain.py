from __future__ import annotations

from pathlib import Path

import yaml

from tests.config.fakes import load
from voicepipe.config.explain import dropped_lines, explain, resolved

FILES = {
    "pipeline.yaml": """\
voicepipe: 1
extends: base.yaml
agent:
  prompt: "Pay $$5 with $${env:X} to ${env:WHO}"
  language: no
stages:
  llm: {use: openai/x, api_key: "${env:KEY}", extra_body: {password: literal, max_tokens: 5}}
profiles:
  other: {stages: {stt: other, llm: {api_key: sk-literal}}}
""",
    "base.yaml": "agent: {prompt: Hi}\nstages: {stt: {use: whisper/base.en, beam: 2}, tts: piper}",
}
ENV = {"WHO": "Ann Example", "KEY": "sk-from-env"}


def test_resolved_file_holds_what_the_layers_came_to(tmp_path: Path) -> None:
    data = yaml.safe_load(resolved(load(tmp_path, FILES, env=ENV, overrides=["stages.tts=espeak"])))
    assert data["stages"]["stt"] == {"use": "whisper", "model": "base.en", "beam": 2}
    assert data["stages"]["tts"] == {"use": "espeak"}
    assert data["agent"]["language"] == "no"
    assert "extends" not in data
    assert "profiles" not in data


def test_resolved_file_masks_secrets_and_everything_from_the_environment(tmp_path: Path) -> None:
    for profile in (None, "other"):
        loaded = load(tmp_path, FILES, env=ENV, profile=profile)
        for text in (resolved(loaded), explain(loaded)):
            assert not any(secret in text for secret in ("Ann", "sk-from-env", "sk-literal", "literal"))
        llm = yaml.safe_load(resolved(loaded))["stages"]["llm"]
        assert llm["api_key"] == "****"
        assert llm["extra_body"] == {"password": "****", "max_tokens": 5}


def test_a_secret_that_a_later_layer_dropped_is_masked_as_well(tmp_path: Path) -> None:
    """Regression: only the values that remained were looked at for secrets."""
    file = "voicepipe: 1\nstages: {tts: {use: piper, api_key: sk-literal}, stt: whisper}"
    for change in ("stages.tts=espeak", "stages.tts=null"):
        loaded = load(tmp_path, file, overrides=[change])
        assert "sk-literal" not in explain(loaded) + "".join(dropped_lines(loaded))
        assert "****" in explain(loaded)


def test_key_that_only_sounds_like_a_secret_is_shown(tmp_path: Path) -> None:
    text = resolved(load(tmp_path, "voicepipe: 1\nstages: {stt: {use: whisper, first_token: 3}}"))
    assert yaml.safe_load(text)["stages"]["stt"]["first_token"] == 3


def test_resolved_file_can_be_read_again(tmp_path: Path) -> None:
    files = {
        name: text.replace("${env:WHO}", "Ann").replace("${env:KEY}", "k") for name, text in FILES.items()
    }
    loaded = load(tmp_path / "a", {**files, ".keep": ""})
    again = load(tmp_path / "b", {"pipeline.yaml": resolved(loaded), ".keep": ""})
    assert again.agent == loaded.agent
    assert again.agent.prompt == "Pay $5 with ${env:X} to Ann"
    assert resolved(again) == resolved(loaded)


def test_explanation_gives_the_file_and_line_behind_each_value(tmp_path: Path) -> None:
    lines = explain(load(tmp_path, FILES, env=ENV, overrides=["stages.tts=espeak"])).splitlines()
    origin = dict(line.split(": ", 1) for line in lines if line and not line.startswith("dropped"))
    assert origin["agent.language"].split() == ['"no"', f"{tmp_path}/pipeline.yaml:5:13"]
    assert origin["stages.stt.beam"].split() == ["2", f"{tmp_path}/base.yaml:2:44"]
    assert origin["stages.tts.use"].split(maxsplit=1) == ['"espeak"', "--set stages.tts"]
    assert origin["stages.turn"] == "its defaults, since no layer mentions it"


def test_explanation_tells_what_was_dropped_and_by_what(tmp_path: Path) -> None:
    text = explain(load(tmp_path, FILES, env=ENV, profile="other"))
    dropped = text.partition("\ndropped:\n")[2]
    assert "stages.stt.beam: 2" in dropped
    assert f"{tmp_path}/base.yaml:2:44  belongs to 'whisper', at {tmp_path}/pipeline.yaml:9:25" in dropped
    assert 'stages.stt.use: "whisper"' in dropped


def test_pipeline_of_one_layer_drops_nothing(tmp_path: Path) -> None:
    assert "dropped" not in explain(load(tmp_path, "voicepipe: 1\nstages: {stt: whisper}"))
