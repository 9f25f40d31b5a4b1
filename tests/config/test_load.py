from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.fakes import (
    MS,
    REGISTRY,
    SMALLEST,
    LlmKeys,
    SttKeys,
    load,
    one,
    problems,
    slot,
    stages,
    write,
)
from voicepipe.config.load import load_profiles
from voicepipe.errors import ConfigErrors
from voicepipe.stages.base import ProviderSlotConfig


def test_the_smallest_file_of_the_documentation_loads(tmp_path: Path) -> None:
    loaded = load(tmp_path, SMALLEST)
    assert loaded.name == "pipeline"
    assert [one.key for one in loaded.slots] == ["vad", "stt", "llm", "tts", "turn"]
    assert loaded.agent.prompt == "You are a brisk, friendly assistant."
    stt = slot(loaded, "stt")
    assert (stt.kind, stt.name, stt.use) == ("stt", None, "whisper")
    assert isinstance(stt.provider_config, SttKeys)
    assert stt.provider_config.model == "base.en"
    assert loaded.own_code == [str(tmp_path.resolve() / "tools.py")]


@pytest.mark.parametrize(
    "written",
    [
        "escalate: {}",
        "store: {}",
        "stages: {emotion: x}",
        "profiles: {p: {store: {}}}",
    ],
)
def test_what_is_not_built_is_an_error_that_says_so(tmp_path: Path, written: str) -> None:
    rest = "" if written.startswith("stages") else "\nstages: {stt: whisper}"
    error = one(problems(tmp_path, f"voicepipe: 1\n{written}{rest}"))
    assert error.message.endswith(": not available in this version")
    assert error.line == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages: {stt: whisper}", "'voicepipe' is missing"),
        ("voicepipe: 2\nstages: {stt: whisper}", "expected 1, found '2'"),
        ("voicepipe: 1", "'stages' is missing"),
        ("voicepipe: 1\nstagse: {}\nstages: {stt: whisper}", "unknown key 'stagse'. Did you mean 'stages'?"),
        ("voicepipe: 1\nprofiles: {p: {name: x}}\nstages: {stt: whisper}", "a profile can't hold 'name'"),
    ],
)
def test_wrong_top_level_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    assert message in one(problems(tmp_path, text)).message


def test_all_errors_of_a_file_come_at_once_in_the_order_of_their_places(tmp_path: Path) -> None:
    errors = problems(
        tmp_path,
        "voicepipe: 1\nstages:\n  stt: {use: whisper, beam: 99, baem: 1}\n  sst: x\n"
        "agent: {language: '!', tools: [{builtin: x}]}\nnmae: x\nname: a\nname: b\nstore: {}\n",
    )
    places = [(error.line, error.column) for error in errors]
    assert places == sorted(places)
    assert [line for line, _ in places] == [3, 3, 4, 5, 5, 6, 8, 9]


def test_errors_name_their_own_file_the_top_one_first(tmp_path: Path) -> None:
    files = {
        "pipeline.yaml": "voicepipe: 1\nextends: a/base.yaml\nnmae: x",
        "a/base.yaml": "stages: {stt: whisperr}",
    }
    errors = problems(tmp_path, files, overrides=["stages.tts=espeek"])
    assert [error.path for error in errors] == [
        str(tmp_path / "pipeline.yaml"),
        "--set stages.tts",
        str(tmp_path / "a/base.yaml"),
    ]


def test_x_keys_are_free(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "voicepipe: 1\nx-note: [1]\nagent: {x-a: 1}\nprofiles: {p: {x-b: 1}}\n"
        "stages: {x-c: 1, stt: {use: whisper, x-d: 1}}",
        profile="p",
    )
    assert [one.key for one in loaded.slots] == ["stt"]


LAYERED = {
    "pipeline.yaml": """\
voicepipe: 1
extends: base.yaml
agent: {greeting: null}
stages:
  stt: {beam: 2, timeout: {gap: 1s}}
profiles:
  cheap: {stages: {stt: other/tiny, tts: espeak}}
""",
    "base.yaml": """\
agent: {prompt: Hi, greeting: Hello}
stages: {stt: whisper/large, llm: openai/a, tts: piper}
profiles: {loud: {agent: {voice: loud}}, cheap: {stages: {llm: openai/b, tts: piper}}}
""",
}


def test_layers_come_in_the_order_extends_file_profile_set(tmp_path: Path) -> None:
    plain = load(tmp_path, LAYERED)
    assert slot(plain, "stt").provider_config == SttKeys(model="large", beam=2)
    assert plain.agent.greeting is None
    assert set(plain.profiles) == {"loud", "cheap"}
    cheap = load(tmp_path, LAYERED, profile="cheap", overrides=["stages.tts=piper"])
    assert slot(cheap, "stt").provider_config == SttKeys(model="tiny")
    config = slot(cheap, "stt").config
    assert isinstance(config, ProviderSlotConfig)
    assert config.timeout.gap == 1000 * MS
    assert (slot(cheap, "tts").use, cheap.profile) == ("piper", "cheap")
    llm = slot(cheap, "llm").provider_config
    assert isinstance(llm, LlmKeys)
    assert llm.model == "b"


def test_unknown_profile_is_an_error_that_names_those_there_are(tmp_path: Path) -> None:
    error = one(problems(tmp_path, LAYERED, profile="chep"))
    assert "there is no profile 'chep'. Did you mean 'cheap'?" in error.message
    assert "cheap" in str(error.hint)


def test_variable_that_only_a_dropped_value_needs_may_be_unset(tmp_path: Path) -> None:
    text = "voicepipe: 1\nstages: {llm: {use: 'openai/x', api_key: '${env:GONE}'}}"
    assert "GONE isn't set" in one(problems(tmp_path, text)).message
    assert not problems(tmp_path, text, overrides=["stages.llm.api_key=x"])


def test_inactive_profile_needs_no_variables(tmp_path: Path) -> None:
    text = "voicepipe: 1\nstages: {stt: whisper}\nprofiles: {p: {agent: {prompt: '${env:GONE}'}}}"
    assert not problems(tmp_path, text)
    assert one(problems(tmp_path, text, profile="p")).line == 3


def test_all_profiles_are_checked_together_and_shared_problems_told_once(tmp_path: Path) -> None:
    text = (
        "voicepipe: 1\nnmae: x\nstages: {stt: whisper}\n"
        "profiles:\n  a: {stages: {stt: b}}\n  c: {stages: {d: e}}\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        load_profiles(write(tmp_path, text), env={}, registry=REGISTRY)
    assert [error.line for error in caught.value.errors] == [2, 5, 6]
    loaded = load_profiles(write(tmp_path, LAYERED), env={}, registry=REGISTRY)
    assert [one.profile for one in loaded] == [None, "loud", "cheap"]


def test_env_file_is_read_beside_the_top_file_only_and_its_names_are_told(tmp_path: Path) -> None:
    files = {
        "pipeline.yaml": "voicepipe: 1\nextends: base/b.yaml\nstages: {llm: 'openai/${env:TOP_NAME}'}",
        "base/b.yaml": "agent: {prompt: '${env:BASE_NAME:-none}'}",
        ".env": "TOP_NAME=top\n",
        "base/.env": "BASE_NAME=base\n",
    }
    loaded = load(tmp_path, files)
    assert loaded.environment.taken == ("TOP_NAME",)
    assert loaded.agent.prompt == "none"


def test_values_of_the_environment_never_stand_in_messages(tmp_path: Path) -> None:
    env = {"SECRET": "hunter2222"}
    for written in (
        "{stt: {use: whisper, beam: '${env:SECRET}'}}",
        "{stt: '${env:SECRET}'}",
        "{stt: {use: whisper, cadence: '${env:SECRET}'}}",
        "{tts: 'piper/${env:SECRET}'}",
        "{turn: {strategy: '${env:SECRET}'}}",
    ):
        error = one(stages(tmp_path, written, env=env))
        assert "hunter2222" not in str(error)
        assert "****" in error.message


def test_message_that_repeats_a_long_text_is_cut(tmp_path: Path) -> None:
    error = one(problems(tmp_path, f"voicepipe: 1\nstages: {{stt: {'x' * 5000}}}"))
    assert len(error.message) < 1100


def test_message_cannot_drive_the_terminal(tmp_path: Path) -> None:
    error = one(problems(tmp_path, 'voicepipe: 1\n"a\\e[2Jb": 1\nstages: {stt: whisper}'))
    assert error.message == r"unknown key 'a\x1b[2Jb'."
