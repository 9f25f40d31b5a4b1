from __future__ import annotations

from pathlib import Path

from tests.config.fakes import LlmKeys, SttKeys, VadKeys, load, slot, stages
from voicepipe.config.tool_models import PythonTool


def test_value_from_the_environment_is_typed_by_its_field(tmp_path: Path) -> None:
    text = (
        "voicepipe: 1\nstages:\n"
        "  stt: {use: whisper, beam: '${env:BEAM}', partials: '${env:P}', cadence: '${env:C}'}\n"
    )
    loaded = load(tmp_path, text, env={"BEAM": "4", "P": "no", "C": "1s"})
    assert slot(loaded, "stt").provider_config == SttKeys(beam=4, partials=False, cadence="1s")  # type: ignore[arg-type]


def test_number_where_text_is_wanted_is_the_text_that_was_written(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "voicepipe: 1\nname: 007\nagent: {language: no, voice: 4.10, variables: {n: {default: +1555}}}\n"
        "stages: {llm: {use: openai, model: 4.10}}",
    )
    assert (loaded.name, loaded.agent.language, loaded.agent.voice_for("piper", "tts")) == (
        "007",
        "no",
        "4.10",
    )
    assert loaded.agent.variables["n"].default == "+1555"
    config = slot(loaded, "llm").provider_config
    assert isinstance(config, LlmKeys)
    assert config.model == "4.10"


def test_open_field_keeps_the_types_of_yaml(tmp_path: Path) -> None:
    loaded = load(
        tmp_path, "voicepipe: 1\nstages: {llm: {use: openai/x, extra_body: {a: 1, b: true, c: no}}}"
    )
    config = slot(loaded, "llm").provider_config
    assert isinstance(config, LlmKeys)
    assert config.extra_body == {"a": 1, "b": True, "c": "no"}


def test_true_is_no_number_and_a_duration_needs_its_unit(tmp_path: Path) -> None:
    true, bare = stages(tmp_path, "{stt: {use: whisper, beam: true}, tts: {use: piper, timeout: {gap: 3}}}")
    assert (true.column, true.message) == (36, "expected a whole number, found 'true'")
    assert bare.message == "a duration needs a unit: 3 could be '3ms' or '3s'"


def test_relative_paths_begin_at_the_file_that_holds_them_and_those_of_set_at_the_current_folder(
    tmp_path: Path,
) -> None:
    files = {
        "pipeline.yaml": "voicepipe: 1\nextends: base/base.yaml\nstages: {stt: {model: ./mine}}",
        "base/base.yaml": "agent: {tools: [./t.py:f]}\n"
        "stages: {vad: {use: fake, file: v.onnx}, stt: whisper}",
    }
    loaded = load(tmp_path, files)
    here = tmp_path.resolve()
    assert loaded.agent.tools == (PythonTool(python=f"{here}/base/t.py:f"),)
    assert slot(loaded, "vad").provider_config == VadKeys(file=here / "base/v.onnx")
    assert slot(loaded, "stt").provider_config == SttKeys(model=f"{here}/mine")
    there = load(tmp_path, files, overrides=["stages.vad.file=v.onnx"], cwd=here / "there")
    assert slot(there, "vad").provider_config == VadKeys(file=here / "there/v.onnx")
