"""Stages and providers to configure: real stages, providers that have nothing but their keys."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from voicepipe.config.load import LoadedPipeline, load_pipeline
from voicepipe.config.registry import Registry
from voicepipe.config.slots import Slot
from voicepipe.core.units import ConfigPath, Duration, ModelRef
from voicepipe.errors import ConfigError, ConfigErrors
from voicepipe.providers.base import Provider, ProviderConfig, ProviderKind


class VadKeys(ProviderConfig):
    file: ConfigPath | None = None


class FakeVad(Provider):
    kind: ClassVar[ProviderKind] = "vad"
    Config = VadKeys


class SttKeys(ProviderConfig):
    model: ModelRef = "base"
    beam: int = Field(1, ge=1, le=8)
    partials: bool = True
    cadence: Duration = Field(500_000_000, description="between two partial results")
    hints: tuple[str, ...] = ()
    first_token: int = 0


class FakeStt(Provider):
    kind: ClassVar[ProviderKind] = "stt"
    Config = SttKeys


class LlmKeys(ProviderConfig):
    model: str
    temperature: float | None = Field(None, ge=0, le=2)
    api_key: SecretStr | None = None
    extra_body: dict[str, Any] = Field(default_factory=dict)


class FakeLlm(Provider):
    kind: ClassVar[ProviderKind] = "llm"
    Config = LlmKeys


class FakeTts(Provider):
    kind: ClassVar[ProviderKind] = "tts"


ROOT = Path(__file__).parents[2]
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
SHIPPED = Registry(DECLARED["voicepipe.stages"], DECLARED["voicepipe.providers"])
"""What this checkout declares, whatever an older installation of it says."""

PIPELINES = sorted(path for path in (ROOT / "pipelines").glob("*.yaml") if ".rules." not in path.name)

HERE = "tests.config.fakes"
REGISTRY = Registry(
    {
        "vad": "voicepipe.stages.vad:Vad",
        "turn": "voicepipe.stages.turn:TurnStage",
        "stt": "voicepipe.stages.stt:Stt",
        "llm": "voicepipe.stages.llm:Llm",
        "tts": "voicepipe.stages.tts:Tts",
    },
    {
        "vad.fake": f"{HERE}:FakeVad",
        "stt.whisper": f"{HERE}:FakeStt",
        "stt.other": f"{HERE}:FakeStt",
        "llm.openai": f"{HERE}:FakeLlm",
        "tts.espeak": f"{HERE}:FakeTts",
        "tts.piper": f"{HERE}:FakeTts",
    },
)


def write(folder: Path, files: str | Mapping[str, str]) -> Path:
    """Write the files into ``folder``; a text alone is ``pipeline.yaml``, whose path is returned."""
    for name, text in {"pipeline.yaml": files}.items() if isinstance(files, str) else files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "pipeline.yaml"


def load(folder: Path, files: str | Mapping[str, str], **options: Any) -> LoadedPipeline:
    options = {"env": {}, "registry": REGISTRY, **options}
    return load_pipeline(write(folder, files), **options)


def problems(folder: Path, files: str | Mapping[str, str], **options: Any) -> list[ConfigError]:
    try:
        load(folder, files, **options)
    except ConfigErrors as errors:
        return list(errors.errors)
    return []


def slot(loaded: LoadedPipeline, key: str) -> Slot:
    return next(slot for slot in loaded.slots if slot.key == key)


SMALLEST = """\
voicepipe: 1
agent:
  prompt: You are a brisk, friendly assistant.
  tools: [./tools.py]
stages:
  vad: fake
  stt: whisper/base.en
  llm: openai/gpt-6-luna
  tts: piper
"""
MS = 1_000_000


def stages(folder: Path, text: str, **options: Any) -> list[ConfigError]:
    return problems(folder, f"voicepipe: 1\nstages: {text}\n", **options)


def agent(folder: Path, text: str, **options: Any) -> list[ConfigError]:
    return problems(folder, f"voicepipe: 1\nstages: {{tts: piper}}\nagent: {text}\n", **options)


def one(errors: list[ConfigError]) -> ConfigError:
    (error,) = errors
    return error
