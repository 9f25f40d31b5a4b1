"""``fallback`` of a slot: the providers that take over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.fakes import LlmKeys, SttKeys, load, one, problems, slot, stages
from voicepipe.config.explain import explain, resolved_data
from voicepipe.config.load import LoadedPipeline

FILE = """\
voicepipe: 1
agent:
  voice: {piper: amy}
stages:
  stt: {use: whisper/base, fallback: [other/x, {use: other, beam: 2}]}
  llm:
    use: openai/luna
    temperature: 0.3
    fallback:
      - use: openai/scout
        api_key: sk-secret
  tts: {use: piper, fallback: espeak}
profiles:
  other: {stages: {stt: other/x}}
  none: {stages: {stt: {fallback: null}}}
"""


def fallbacks(loaded: LoadedPipeline, key: str) -> list[str]:
    return [filling.label for filling in slot(loaded, key).fallbacks]


def test_a_fallback_is_a_provider_with_its_model_or_a_map_with_its_keys(tmp_path: Path) -> None:
    loaded = load(tmp_path, FILE)
    stt = slot(loaded, "stt")
    assert [(one.use, one.config) for one in stt.fallbacks] == [
        ("other", SttKeys(model="x")),
        ("other", SttKeys(beam=2)),
    ]
    (llm,) = slot(loaded, "llm").fallbacks
    assert isinstance(llm.config, LlmKeys)
    assert (llm.label, llm.config.temperature) == ("openai/scout", None), "no key is inherited"
    assert fallbacks(loaded, "tts") == ["espeak"], "one alone needs no list"


def test_each_filling_of_a_slot_has_a_key_of_its_own(tmp_path: Path) -> None:
    loaded = load(tmp_path, FILE)
    assert [one.key for one in slot(loaded, "stt").fillings] == ["stt", "stt.fallback.0", "stt.fallback.1"]
    assert [one.key for one in slot(loaded, "llm").fillings] == ["llm", "llm.fallback.0"]


def test_fallbacks_stay_when_another_provider_is_chosen_and_leave_if_they_are_the_same(
    tmp_path: Path,
) -> None:
    loaded = load(tmp_path, FILE, profile="other")
    assert fallbacks(loaded, "stt") == ["other/base"]
    assert [one.key for one in slot(loaded, "stt").fillings] == ["stt", "stt.fallback.0"]
    assert resolved_data(loaded)["stages"]["stt"] == {
        "use": "other",
        "model": "x",
        "fallback": [{"use": "other", "beam": 2}],
    }
    assert "stages.stt.fallback.0" in explain(loaded)
    assert "the same provider is asked before" in explain(loaded)


def test_one_that_stands_there_twice_is_asked_once(tmp_path: Path) -> None:
    loaded = load(tmp_path, FILE, overrides=["stages.stt.fallback=[other/x, other/y, other/x]"])
    assert fallbacks(loaded, "stt") == ["other/x", "other/y"]


def test_the_same_provider_with_another_key_is_another_one(tmp_path: Path) -> None:
    loaded = load(tmp_path, FILE, overrides=["stages.stt.fallback=[{use: whisper/base, beam: 4}]"])
    assert fallbacks(loaded, "stt") == ["whisper/base"]


def test_a_layer_replaces_the_list_or_deletes_it(tmp_path: Path) -> None:
    assert fallbacks(load(tmp_path, FILE, profile="none"), "stt") == []
    loaded = load(tmp_path, FILE, overrides={"stages.stt.fallback": ["other"]})
    assert fallbacks(loaded, "stt") == ["other/base"]
    assert fallbacks(load(tmp_path, FILE, overrides=["stages.tts.fallback=[]"]), "tts") == []


def test_the_environment_may_name_it(tmp_path: Path) -> None:
    text = 'voicepipe: 1\nstages: {stt: {use: whisper, fallback: ["${env:STT}"]}}'
    assert fallbacks(load(tmp_path, text, env={"STT": "other/y"}), "stt") == ["other/y"]


def test_its_secrets_are_masked(tmp_path: Path) -> None:
    loaded = load(tmp_path, FILE)
    assert "sk-secret" not in explain(loaded)
    assert resolved_data(loaded)["stages"]["llm"]["fallback"][0]["api_key"] == "****"
    dropped = load(tmp_path, FILE, overrides=["stages.llm.fallback=[openai/other]"])
    assert "sk-secret" not in explain(dropped)


def test_notes_may_stand_beside_its_keys(tmp_path: Path) -> None:
    text = "voicepipe: 1\nstages: {stt: {use: whisper, fallback: [{use: other, x-why: cheap}]}}"
    assert fallbacks(load(tmp_path, text), "stt") == ["other/base"]


def test_own_code_may_be_one(tmp_path: Path) -> None:
    own = "voicepipe: 1\nstages: {stt: {use: whisper, fallback: ['tests.config.fakes:FakeStt']}}"
    (filling,) = slot(load(tmp_path, own), "stt").fallbacks
    assert filling.provider is not None
    ignored = load(tmp_path, own, code="ignore")
    assert slot(ignored, "stt").fallbacks[0].provider is None
    assert ignored.own_code == ["tests.config.fakes:FakeStt"]
    error = one(problems(tmp_path, own, code="forbid"))
    assert "own code isn't allowed here" in error.message


@pytest.mark.parametrize(
    ("written", "message", "column"),
    [
        ("[wisper]", "unknown stt provider 'wisper'. Did you mean 'whisper'?", 41),
        ("[other, piper]", "'piper' is a provider for tts, not for stt", 48),
        ("[{use: other, baem: 2}]", "unknown key 'baem'. Did you mean 'beam'?", 54),
        ("[{use: other, beam: 9}]", "expected at most 8, found '9'", 60),
        ("[{use: other, timeout: {first: 1s}}]", "'timeout' is a key of the slot, and holds", 54),
        ("[{use: other, fallback: [whisper]}]", "'fallback' is a key of the slot, and holds", 54),
        ("[{beam: 2}]", "'fallback': 'use' is missing", 41),
        ("[3]", "'fallback': expected 'provider[/model]' or a map, found a number", 41),
        ("[[other]]", "'fallback': expected 'provider[/model]' or a map, found a list", 41),
        ("3", "'fallback': expected a list of providers, found a number", 40),
        ("{use: other}", "'fallback': expected a list of providers, found a map", 40),
        ("[other/]", "expected a model after 'other/'", 41),
    ],
)
def test_a_wrong_one_is_one_clear_error_at_its_place(
    tmp_path: Path, written: str, message: str, column: int
) -> None:
    error = one(stages(tmp_path, f"{{stt: {{use: whisper, fallback: {written}}}}}"))
    assert error.message.startswith(message)
    assert (error.line, error.column) == (2, column)


def test_what_cannot_be_asked_again_has_none(tmp_path: Path) -> None:
    for kind in ("vad: {use: fake, fallback: [fake]}", "turn: {fallback: [fake]}"):
        assert "unknown key 'fallback'" in one(stages(tmp_path, f"{{{kind}}}")).message
