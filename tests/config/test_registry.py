from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.config.fakes import DECLARED, REGISTRY, ROOT, SHIPPED, FakeStt
from voicepipe.config.registry import PROVIDERS, STAGES, Registry, is_own_code, own_provider
from voicepipe.errors import SetupError
from voicepipe.stages.stt import Stt


@pytest.mark.parametrize("use", ["pkg.module:Class", "module:Class", "_a.b_1:C_2"])
def test_module_and_class_are_own_code(use: str) -> None:
    assert is_own_code(use)


@pytest.mark.parametrize("use", ["openai", "qwen3", "a.b", "pkg:", ":Class", "a b:C", "1a:B", "./x.py:C"])
def test_anything_else_is_a_name(use: str) -> None:
    assert not is_own_code(use)


def test_names_are_listed_by_kind() -> None:
    assert REGISTRY.kinds == ["llm", "stt", "tts", "turn", "vad"]
    assert REGISTRY.provider_names("stt") == ["other", "whisper"]
    assert REGISTRY.provider_kinds("piper") == ["tts"]
    assert REGISTRY.stage("stt") is Stt
    assert REGISTRY.provider("stt", "whisper") is FakeStt


def test_names_are_listed_without_importing() -> None:
    registry = Registry({"a": "no.such.module:A"}, {"a.b": "no.such.module:B"})
    assert (registry.kinds, registry.provider_names("a")) == (["a"], ["b"])


def test_provider_that_cannot_be_imported_is_a_clear_error() -> None:
    registry = Registry({}, {"tts.gone": "tests.config.no_such_module:Gone", "tts.wrong": "json:JSONDecoder"})
    with pytest.raises(SetupError, match="tts 'gone' can't be imported: ModuleNotFoundError"):
        registry.provider("tts", "gone")
    with pytest.raises(SetupError, match="tts 'wrong' is no Provider class"):
        registry.provider("tts", "wrong")


def test_own_module_cannot_replace_a_library_and_leaves_no_trace_in_the_path(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise RuntimeError('a file of the pipeline ran as json')")
    before = list(sys.path)
    with pytest.raises(SetupError, match="is no Provider class"):
        own_provider("json:JSONDecoder", tmp_path)
    assert sys.path == before


def test_own_module_that_raises_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "own_that_raises.py").write_text("1 / 0")
    with pytest.raises(SetupError, match=r"'own_that_raises:A' can't be imported: ZeroDivisionError"):
        own_provider("own_that_raises:A", tmp_path)


@pytest.mark.parametrize("kind", sorted(DECLARED[STAGES]))
def test_every_stage_that_is_declared_loads_under_its_kind(kind: str) -> None:
    assert SHIPPED.stage(kind).kind == kind


@pytest.mark.parametrize("entry", sorted(DECLARED[PROVIDERS]))
def test_every_provider_that_is_declared_loads_under_its_kind_and_name(entry: str) -> None:
    kind, _, name = entry.partition(".")
    provider = SHIPPED.provider(kind, name)
    assert (provider.kind, provider.name) == (kind, name)


def python(program: str, *path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, *path)))},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_packages_register_by_entry_points(tmp_path: Path) -> None:
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{STAGES}]\necho = theirs:Echo\n\n[{PROVIDERS}]\nstt.theirs = theirs:Stt\n"
    )
    program = (
        "from voicepipe.config.registry import Registry\n"
        "registry = Registry.installed()\n"
        "print('echo' in registry.kinds, 'theirs' in registry.provider_names('stt'))"
    )
    assert python(program, tmp_path) == "True True"


def test_environment_without_any_registration_is_told_to_install(tmp_path: Path) -> None:
    program = (
        "import importlib.metadata\n"
        "importlib.metadata.entry_points = lambda **_: importlib.metadata.EntryPoints()\n"
        "from voicepipe.config.registry import Registry\n"
        "try: Registry.installed()\n"
        "except Exception as error: print(type(error).__name__, error.exit_status, error.message)"
    )
    assert python(program, tmp_path).startswith("SetupError 3 no stages are registered")


def test_nothing_heavy_is_imported_by_the_configuration_or_by_a_stage() -> None:
    heavy = {"numpy", "onnxruntime", "faster_whisper", "pocketsphinx", "hassil", "openai", "torch", "piper"}
    program = (
        "import sys\n"
        "from voicepipe.config import load, explain, lint, schema\n"
        "from voicepipe.config.registry import Registry\n"
        f"registry = Registry({DECLARED[STAGES]!r}, {{}})\n"
        "for kind in registry.kinds: registry.stage(kind)\n"
        f"print(sorted({heavy!r} & set(sys.modules)))\n"
    )
    assert python(program) == "[]"
