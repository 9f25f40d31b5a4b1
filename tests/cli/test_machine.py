from __future__ import annotations

from typing import ClassVar

import pytest

from tests.support.workers import make_workers
from voicepipe.cli.machine import (
    Readiness,
    Sound,
    installed_version,
    keys,
    packages,
    readiness,
    tool_readiness,
)
from voicepipe.config.registry import Registry
from voicepipe.config.tool_models import BuiltinTool, HttpTool, McpTool, SchemaTool
from voicepipe.providers.base import Provider, ProviderConfig
from voicepipe.transports.sound_devices import SoundDevice

HERE = "tests.cli.test_machine"
STAGES = {"llm": "voicepipe.stages.llm:Llm", "tts": "voicepipe.stages.tts:Tts"}


class NeedsSettings(ProviderConfig):
    model: str
    region: str


class Hosted(Provider):
    """Can't do without settings, nor without a package that doesn't exist."""

    Config = NeedsSettings
    packages = ("no_such_package",)
    extra = "local"
    keys = ("ACME_KEY",)


class Local(Provider):
    keys: ClassVar[tuple[str, ...]] = ("ACME_KEY", "OTHER_KEY")

    def check(self) -> list[str]:
        return [f"no voice for {self.host.language}, key {self.host.env['OTHER_KEY']}"]

    def found(self) -> list[str]:
        return ["ann", "bob"]

    async def pull(self) -> None:
        raise AssertionError("nobody asked for it")


REGISTRY = Registry(
    STAGES,
    {
        "llm.hosted": f"{HERE}:Hosted",
        "llm.broken": "tests.cli.no_such_module:Gone",
        "tts.local": f"{HERE}:Local",
        "tts.sim": "voicepipe.providers.sim_tts:SimTts",
    },
)


def device(*, inputs: int = 0, outputs: int = 0) -> SoundDevice:
    return SoundDevice(
        index=0,
        name="Headset",
        system="ALSA",
        inputs=inputs,
        outputs=outputs,
        rate=48_000,
        default_input=False,
        default_output=False,
    )


@pytest.fixture
def found() -> dict[str, Readiness]:
    workers = make_workers()
    try:
        return {one.name: one for one in readiness(REGISTRY, workers, {"OTHER_KEY": "k"})}
    finally:
        workers.close()


def test_a_provider_is_asked_with_its_default_settings(found: dict[str, Readiness]) -> None:
    assert found["sim"] == Readiness("tts", "sim", ())
    assert found["local"] == Readiness(
        "tts", "local", ("no voice for en-US, key k",), can_pull=True, models=("ann", "bob")
    )


def test_of_a_provider_that_needs_settings_the_packages_are_looked_for(found: dict[str, Readiness]) -> None:
    hosted = found["hosted"]
    assert hosted.settings == ("model", "region")
    assert len(hosted.missing) == 1
    assert "'no_such_package' is not installed" in hosted.missing[0]
    assert "[local]" in hosted.missing[0]


def test_a_provider_that_can_not_be_imported_is_told_among_the_others(found: dict[str, Readiness]) -> None:
    assert "can't be imported: ModuleNotFoundError" in found["broken"].missing[0]


def test_keys_are_told_with_all_that_read_them() -> None:
    assert keys(REGISTRY) == {"ACME_KEY": ["llm hosted", "tts local"], "OTHER_KEY": ["tts local"]}


def test_packages_are_told_by_extra_without_those_of_developers() -> None:
    found = packages()
    assert {"base", "quickstart", "local", "torch", "tools", "mcp"} <= set(found)
    assert not {"dev", "all"} & set(found)
    assert {name.lower() for name in found["base"]} == {"numpy", "pydantic", "pyyaml"}
    assert all(found["base"].values()), "the base is installed, or this wouldn't run"
    assert "piper-tts" in found["local"]


def test_the_version_of_what_is_not_installed_is_none() -> None:
    assert installed_version("no-such-package") is None
    assert installed_version("pydantic") == packages()["base"]["pydantic"]


@pytest.mark.parametrize(
    ("devices", "enough"),
    [
        ((device(inputs=1), device(outputs=2)), True),
        ((device(inputs=1, outputs=2),), True),
        ((device(outputs=2),), False),
        ((device(inputs=1),), False),
        ((), False),
    ],
)
def test_talking_takes_a_microphone_and_a_loudspeaker(devices: tuple[SoundDevice, ...], enough: bool) -> None:
    assert Sound(devices).enough is enough


def test_each_kind_of_tool_needs_its_own_packages() -> None:
    described = {"name": "find", "description": "Find."}
    tools = [
        BuiltinTool(builtin="end_call"),
        HttpTool.model_validate({"http": "https://crm.example/find", **described}),
        SchemaTool.model_validate({"schema": {}, **described}),
        McpTool.model_validate({"mcp": {"command": ["x"]}, "allow": ["find"]}),
    ]
    assert [(one.kind, one.name) for one in tool_readiness(tools)] == [
        ("tools", "http"),
        ("tools", "schema"),
        ("tools", "mcp"),
    ]
    assert tool_readiness(tools[:1]) == []
