from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.fakes import MS, SMALLEST, SttKeys, VadKeys, load, one, problems, slot, stages
from voicepipe.stages.base import ProviderSlotConfig
from voicepipe.stages.turn import TurnConfig
from voicepipe.stages.vad import VadConfig


def test_turn_needs_no_line_but_may_have_one(tmp_path: Path) -> None:
    assert slot(load(tmp_path, SMALLEST), "turn").config == TurnConfig()
    config = slot(load(tmp_path, SMALLEST + "  turn: {min_silence: 300ms}\n"), "turn").config
    assert config == TurnConfig(min_silence="300ms")  # type: ignore[arg-type]
    assert slot(load(tmp_path, SMALLEST, overrides=["stages.turn=null"]), "turn").config == TurnConfig()


def test_pipeline_without_a_model_gets_no_turn_stage(tmp_path: Path) -> None:
    loaded = load(tmp_path, "voicepipe: 1\nstages: {stt: whisper}")
    assert [one.key for one in loaded.slots] == ["stt"]


def test_slot_keys_go_to_the_stage_and_the_rest_to_the_provider(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "voicepipe: 1\nstages:\n"
        "  vad: {use: fake, threshold: 0.6, prefix_padding: 250ms, file: models/vad.onnx}\n"
        "  stt: {use: whisper, beam: 3, timeout: {first: 2s}}\n",
    )
    vad, stt = slot(loaded, "vad"), slot(loaded, "stt")
    assert vad.config == VadConfig(threshold=0.6, prefix_padding="250ms")  # type: ignore[arg-type]
    assert vad.provider_config == VadKeys(file=tmp_path.resolve() / "models/vad.onnx")
    assert isinstance(stt.config, ProviderSlotConfig)
    assert stt.config.timeout.first == 2000 * MS
    assert stt.provider_config == SttKeys(beam=3)


def test_tap_is_a_kind_with_a_name(tmp_path: Path) -> None:
    tap = slot(load(tmp_path, SMALLEST + "  stt/second: other/x\n"), "stt/second")
    assert (tap.kind, tap.name, tap.use) == ("stt", "second", "other")


def test_from_is_a_slot_key(tmp_path: Path) -> None:
    assert slot(load(tmp_path, SMALLEST + "  turn: {from: [stt]}\n"), "turn").config.from_ == ("stt",)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{sst: whisper}", "unknown kind of stage 'sst'. Did you mean 'stt'?"),
        ("{stt/: whisper}", "expected 'stt', or 'stt/name' for a tap"),
        ("{stt/a/b: whisper}", "expected 'stt', or 'stt/name' for a tap"),
        ("{stt: wisper}", "unknown stt provider 'wisper'. Did you mean 'whisper'?"),
        ("{stt: piper}", "'piper' is a provider for tts, not for stt"),
        ("{stt: {beam: 3}}", "'stt': 'use' is missing"),
        ("{stt: {use: [a]}}", "'stt': expected a provider's name, found a list"),
        ("{stt: [a]}", "'stt': expected 'provider[/model]' or a map, found a list"),
        ("{stt: 3}", "'stt': expected 'provider[/model]' or a map, found a number"),
        ("{stt: whisper/}", "expected a model after 'whisper/'"),
        ("{stt: {use: whisper, baem: 3}}", "unknown key 'baem'. Did you mean 'beam'?"),
        ("{stt: {use: whisper, timout: 3s}}", "unknown key 'timout'. Did you mean 'timeout'?"),
        ("{stt: {use: whisper, timeout: {frist: 3s}}}", "unknown key 'frist'. Did you mean 'first'?"),
        ("{stt: {use: whisper, beam: 9}}", "expected at most 8, found '9'"),
        ("{tts: piper/amy}", "'piper' has no models to choose from, found 'amy'"),
        ("{turn: silence}", "'turn' has no provider to choose"),
        ("{turn: [x]}", "'turn': expected a map of its keys, found a list"),
        ("{turn: {min_silnce: 300ms}}", "unknown key 'min_silnce'. Did you mean 'min_silence'?"),
        ("{turn: {strategy: silent}}", "or 'provider', found 'silent'. Did you mean 'silence'?"),
        ("{turn: {min_silence: 20s}}", "expected at most 10s, found '20s'"),
        ("{llm: openai}", "'model' is missing"),
        ("[stt]", "expected a map of stages, found a list"),
    ],
)
def test_wrong_slot_is_one_clear_error(tmp_path: Path, written: str, message: str) -> None:
    error = one(stages(tmp_path, written))
    assert message in error.message
    assert error.line == 2


def test_error_of_a_field_tells_what_the_field_is_for(tmp_path: Path) -> None:
    error = one(stages(tmp_path, "{stt: {use: whisper, cadence: 3}}"))
    assert error.hint == "cadence: between two partial results"
    assert error.column == 39


@pytest.fixture
def own_code(tmp_path: Path) -> dict[str, str]:
    module = f"own_{tmp_path.name.replace('-', '_')}"
    return {
        "pipeline.yaml": f"voicepipe: 1\nstages: {{stt: {{use: '{module}:Mine', beam: 2}}}}",
        f"{module}.py": "from tests.config.fakes import FakeStt\nclass Mine(FakeStt): pass\n"
        "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n",
    }


def test_own_provider_is_imported_from_the_pipeline_s_folder_when_code_may_run(
    tmp_path: Path, own_code: dict[str, str]
) -> None:
    stt = slot(load(tmp_path, own_code), "stt")
    assert stt.provider is not None
    assert stt.provider.__name__ == "Mine"
    assert stt.provider_config == SttKeys(beam=2)
    assert list(tmp_path.glob("*.ran"))


def test_own_code_is_never_imported_where_it_is_to_be_ignored(
    tmp_path: Path, own_code: dict[str, str]
) -> None:
    stt = slot(load(tmp_path, own_code, code="ignore"), "stt")
    assert (stt.provider, stt.provider_config) == (None, None)
    assert not list(tmp_path.glob("*.ran"))


def test_own_provider_of_another_kind_is_an_error(tmp_path: Path) -> None:
    error = one(stages(tmp_path, "{stt: 'tests.config.fakes:FakeTts'}"))
    assert error.message == "'tests.config.fakes:FakeTts' is a provider for tts, not for stt"


def test_secret_that_is_no_text_is_not_shown(tmp_path: Path) -> None:
    error = one(stages(tmp_path, "{llm: {use: openai/x, api_key: [abcdef]}}"))
    assert error.message == "expected text, found a list"


def test_forbidden_code_is_an_error_for_tools_and_providers(tmp_path: Path, own_code: dict[str, str]) -> None:
    text = own_code["pipeline.yaml"] + "\nagent: {tools: [./t.py, {python: ./t.py}, {builtin: end_call}]}"
    errors = problems(tmp_path, text, code="forbid")
    assert [(error.line, error.message.partition(":")[0]) for error in errors] == [
        (2, "own code isn't allowed here"),
        (3, "own code isn't allowed here"),
        (3, "own code isn't allowed here"),
    ]
    assert not list(tmp_path.glob("*.ran"))


def test_a_model_that_is_a_file_is_labelled_by_its_name_alone(tmp_path: Path) -> None:
    loaded = load(tmp_path, "voicepipe: 1\nstages: {stt: {use: whisper, model: ./models/tiny}}")
    (filling,) = slot(loaded, "stt").fillings
    assert filling.label == "whisper/tiny"
