from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.config.fakes import DECLARED, PIPELINES, REGISTRY, SHIPPED, SMALLEST, problems
from voicepipe.config.lint import lint
from voicepipe.config.load import load_profiles
from voicepipe.config.registry import Registry
from voicepipe.config.schema import json_schema
from voicepipe.core import yaml12
from voicepipe.core.nodes import Source, plain

SCHEMA = json_schema(REGISTRY)
VALIDATOR = Draft202012Validator(SCHEMA)


def accepts(text: str) -> bool:
    node = yaml12.parse(text, Source("file.yaml", Path(), Path()), [])
    assert node is not None
    return bool(VALIDATOR.is_valid(plain(node)))


def test_it_is_a_schema_of_its_draft() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_reference_in_it_leads_somewhere() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            below = [found for child in value.values() for found in references(child)]
            return below + ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        return [found for item in value for found in references(item)] if isinstance(value, list) else []

    used = set(references(SCHEMA))
    assert used == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


def test_the_smallest_file_is_valid() -> None:
    assert accepts(SMALLEST)


VALID = [
    "extends: a.yaml\nname: x\nx-note: [1]",
    "stages: {stt: whisper, stt/second: other/x, vad: fake, tts: 'pkg.mod:Class'}",
    "stages: {stt: {use: whisper/base, beam: 3, cadence: 300ms, timeout: {first: 2s}, from: [vad]}}",
    "stages: {stt: {use: whisper, beam: '${env:BEAM}', partials: '${env:P:-true}', cadence: '${env:C}'}}",
    "stages: {stt: {use: 'pkg.mod:Class', anything: 1, timeout: {gap: 1s}}}",
    "stages: {stt: {beam: 3}, llm: '${env:LLM}'}",
    "stages: {stt: {use: whisper, fallback: other/x}}",
    "stages: {stt: {use: whisper, fallback: [other, {use: 'pkg.mod:Class', beam: 3}, '${env:STT}']}}",
    "stages: {stt: {use: whisper, fallback: [{use: other/x, cadence: 300ms, x-note: 1}]}}",
    "stages: {llm: {use: openai/gpt, retry: {attempts: 1, backoff: 100ms, max_backoff: 1s, budget: 0.1}}}",
    "stages: {llm: openai/gpt, turn: {strategy: silence, min_silence: 300ms}}",
    "stages: {llm: {use: openai/gpt}, stt: {use: whisper, x-note: 1}}",
    "stages: {tts: null, stt: whisper}",
    "profiles: {p: {stages: {stt: null, tts: piper}, agent: {greeting: null}}, q: null}",
    "agent: {prompt: x, greeting: Hi, voice: calm, language: no, x-a: 1}",
    "agent: {greeting: {say: x, interruptible: false}}",
    "agent: {notices: {wait: '', failed: Sorry., not_heard: null}}",
    "agent: {prompt: {file: p.md}, greeting: {say: Hi}, voice: {piper: amy}}",
    "agent: {tools: [./t.py, './t.py:f', {python: ./t.py, timeout: 6s, side_effect: false}]}",
    "agent: {tools: [{builtin: end_call}, {builtin: current_time}]}",
    "agent: {variables: {name: {default: there}, tier: {required: true}}}",
    "slo: {voice_to_voice: {p50: '< 1s'}, answered: '>= 0.99', window: 1h}",
    "record: {dir: calls/, audio: stereo, keep: 30d, redact: [card, phone]}",
]


@pytest.mark.parametrize("text", VALID)
def test_what_the_loader_takes_is_valid(text: str, tmp_path: Path) -> None:
    assert accepts(f"voicepipe: 1\n{text}")


INVALID = [
    "stagse: {}",
    "slo: {voice_to_voice: {p50: 800}}",
    "record: {dir: calls, keep: 30}",
    "record: {redact: card}",
    "agent: {tools: [{http: x}]}",
    "agent: {tools: [x]}",
    "agent: {tools: [{builtin: x}]}",
    "agent: {greeting: {say: x, interruptible: maybe}}",
    "agent: {notices: {wait: 5, sorry: x}}",
    "agent: {notices: One moment.}",
    "agent: {prompt: {text: x}}",
    "agent: {variables: {a b: {}}}",
    "stages: {realtime: {}}",
    "stages: {sst: whisper}",
    "stages: {stt: piper}",
    "stages: {stt: {use: piper}}",
    "stages: {stt: {use: whisper, baem: 1}}",
    "stages: {stt: {use: whisper, beam: 99}}",
    "stages: {stt: {use: whisper, cadence: 300}}",
    "stages: {stt: {use: whisper, fallback: [piper]}}",
    "stages: {stt: {use: whisper, fallback: [{use: other, timeout: {first: 1s}}]}}",
    "stages: {stt: {use: whisper, retry: {attempts: 0}}}",
    "stages: {vad: {use: fake, fallback: [fake]}}",
    "stages: {turn: {strategy: patient}}",
    "stages: {turn: silence}",
    "profiles: {p: {slo: {}}}",
]


@pytest.mark.parametrize("text", INVALID)
def test_what_the_loader_refuses_is_invalid(text: str, tmp_path: Path) -> None:
    rest = "" if "stages:" in text else "\nstages: {stt: whisper}"
    assert problems(tmp_path, f"voicepipe: 1\n{text}{rest}")
    assert not accepts(f"voicepipe: 1\n{text}{rest}")


def test_version_is_required() -> None:
    assert not accepts("stages: {stt: whisper}")


def test_defaults_are_written_as_users_write_them() -> None:
    turn = SCHEMA["$defs"]["stage.turn"]["properties"]
    assert turn["max_wait"]["default"] == "2s"
    assert turn["max_wait"]["description"] == "silence after which it is over whatever was said"
    assert SCHEMA["$defs"]["stage.vad"]["anyOf"][4]["properties"]["threshold"]["default"] == 0.5


def test_patterns_are_valid_in_javascript_too() -> None:
    slot = json_schema(Registry(DECLARED["voicepipe.stages"], {"stt.a-b.c": "tests.config.fakes:FakeStt"}))
    assert slot["$defs"]["stage.stt"]["anyOf"][1]["pattern"] == r"^(a-b\.c)/.+$"


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_every_shipped_pipeline_loads_makes_sense_and_is_valid(path: Path) -> None:
    for loaded in load_profiles(path, registry=SHIPPED, env={}):
        assert lint(loaded) == []
    node = yaml12.read(path, Source(path.name, path.parent, path.parent), [])
    assert node is not None
    assert list(Draft202012Validator(json_schema(SHIPPED)).iter_errors(plain(node))) == []
