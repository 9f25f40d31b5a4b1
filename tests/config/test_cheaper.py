from __future__ import annotations

from pathlib import Path

import pytest

from voicepipe.config.load import LoadedPipeline, load_pipeline, load_profiles
from voicepipe.errors import ConfigErrors

FILE = """\
voicepipe: 1
agent: {{prompt: Be brief.}}
stages:
  vad: energy
  stt: sim
  llm: {{use: sim, timeout: {{first: 2s}}}}
  tts: {{use: sim, speed: 1}}
cost:
  budget: {{session_usd: 1, then: [{{profile: {name}}}, hang_up]}}
profiles:
  cheap: {profile}
"""


def loaded(folder: Path, body: str, name: str = "cheap", *, under: str | None = None) -> LoadedPipeline:
    path = folder / "pipeline.yaml"
    path.write_text(FILE.format(profile=body, name=name))
    return load_pipeline(path, profile=under, env={})


def problem(folder: Path, profile: str, name: str = "cheap") -> str:
    with pytest.raises(ConfigErrors) as caught:
        loaded(folder, profile, name)
    (error,) = caught.value.errors
    return f"{error.line}:{error.column}: {error.message}"


def test_the_profile_is_loaded_with_the_pipeline(tmp_path: Path) -> None:
    pipeline = loaded(tmp_path, "{stages: {tts: {speed: 2}, llm: {fallback: [sim]}}}")
    slots = {slot.key: slot.provider_config for slot in pipeline.cheaper["cheap"].slots}
    assert getattr(slots["tts"], "speed", None) == 2
    assert getattr(slots["stt"], "speed", None) is None


def test_the_profile_that_one_is_under_already_is_nothing_to_go_to(tmp_path: Path) -> None:
    assert loaded(tmp_path, "{stages: {tts: {speed: 2}}}", under="cheap").cheaper == {}


def test_validating_all_profiles_meets_each_problem_once(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(FILE.format(profile="{stages: {tts: {sped: 2}}}", name="cheap"))
    with pytest.raises(ConfigErrors) as caught:
        load_profiles(path, env={})
    assert len(caught.value.errors) == 1


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("{agent: {prompt: Be rude.}}", "at a budget's limit, profile 'cheap' can't change 'agent'"),
        (
            "{stages: {llm: {timeout: {first: 1s}}}}",
            "at a budget's limit, profile 'cheap' can't change keys of stages.llm itself",
        ),
        (
            "{stages: {vad: sim}}",
            "at a budget's limit, profile 'cheap' can't change the provider of stages.vad",
        ),
        ("{stages: {stt/second: sim}}", "at a budget's limit, profile 'cheap' can't add stages.stt/second"),
        ("{stages: {tts: null}}", "at a budget's limit, profile 'cheap' can't leave out stages.tts"),
    ],
)
def test_only_providers_can_be_changed(tmp_path: Path, profile: str, message: str) -> None:
    assert problem(tmp_path, profile) == f"9:45: {message}"


def test_an_unknown_profile_is_told_at_its_place(tmp_path: Path) -> None:
    message = "9:45: there is no profile 'cheep'. Did you mean 'cheap'?"
    assert problem(tmp_path, "{stages: {tts: sim}}", name="cheep") == message
