"""What this computer has, for ``voicepipe doctor``: packages, sound, keys, and what providers lack."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from pydantic import ValidationError

from voicepipe.config.registry import Registry
from voicepipe.config.slots import Slot
from voicepipe.config.tool_models import HttpTool, McpTool, SchemaTool, Tool
from voicepipe.core.calls import Host, Workers
from voicepipe.core.extras import DISTRIBUTION, missing
from voicepipe.errors import SetupError
from voicepipe.providers.base import Provider
from voicepipe.transports.sound_devices import Direction, SoundDevice, devices

BASE = "base"
NOT_FOR_USERS = ("dev", "all")
"""The extras that bring nothing that a pipeline could use by itself."""

WAYS: tuple[Direction, ...] = ("input", "output")

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)[^;]*(?:;.*extra\s*==\s*['\"]([^'\"]+)['\"])?")


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound devices, or why there are none."""

    devices: tuple[SoundDevice, ...] = ()
    problem: str | None = None

    @property
    def enough(self) -> bool:
        """Whether somebody can talk with an agent here."""
        return all(any(one.serves(way) for one in self.devices) for way in WAYS)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What ``kind`` ``name`` needs and this computer lacks, a sentence each.

    ``settings`` are keys that it can't do without: only its packages were looked for. ``can_pull``: it may
    be that ``voicepipe pull`` fetches some of what is missing. ``models`` are those that are here.
    """

    kind: str
    name: str
    missing: tuple[str, ...]
    settings: tuple[str, ...] = ()
    can_pull: bool = False
    models: tuple[str, ...] = ()


def packages() -> dict[str, dict[str, str | None]]:
    """Extra → package → version, or None if it isn't installed; ``base`` is what is always needed."""
    found: dict[str, dict[str, str | None]] = {BASE: {}}
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return found
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        assert match is not None, "a requirement begins with a name"
        name, extra = match[1], match[2] or BASE
        if extra not in NOT_FOR_USERS:
            found.setdefault(extra, {})[name] = installed_version(name)
    return found


def installed_version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def sound() -> Sound:
    """The devices of this computer."""
    try:
        found = devices()
    except SetupError as error:
        return Sound(problem=str(error))
    return Sound(tuple(found)) if found else Sound(problem="there is no sound device")


def keys(registry: Registry) -> dict[str, list[str]]:
    """The variables in which well-known keys stand → the providers that read them."""
    found: dict[str, list[str]] = {}
    for kind, name in registered(registry):
        try:
            provider = registry.provider(kind, name)
        except SetupError:
            continue  # ``readiness`` tells why
        for key in provider.keys:
            found.setdefault(key, []).append(f"{kind} {name}")
    return found


def registered(registry: Registry) -> list[tuple[str, str]]:
    """The kind and the name of each provider that is installed."""
    return [(kind, name) for kind in registry.kinds for name in registry.provider_names(kind)]


def readiness(registry: Registry, workers: Workers, env: Mapping[str, str]) -> list[Readiness]:
    """Each registered provider with its default settings."""
    return [_by_default(registry, kind, name, workers, env) for kind, name in registered(registry)]


def _by_default(
    registry: Registry, kind: str, name: str, workers: Workers, env: Mapping[str, str]
) -> Readiness:
    try:
        provider = registry.provider(kind, name)
    except SetupError as error:
        return Readiness(kind, name, (error.message,))
    try:
        config = provider.Config()
    except ValidationError as error:
        settings = tuple(str(one["loc"][0]) for one in error.errors() if one["loc"])
        absent = missing(*provider.packages, extra=provider.extra or BASE)
        return Readiness(kind, name, tuple(absent), settings)
    return _checked(kind, name, provider(config, Host(workers=workers, language="en-US", env=env)))


def _checked(kind: str, name: str, provider: Provider) -> Readiness:
    absent = tuple(provider.check())
    can_pull = bool(absent) and type(provider).pull is not Provider.pull
    return Readiness(kind, name, absent, can_pull=can_pull, models=tuple(provider.found()))


def tool_readiness(tools: Sequence[Tool]) -> list[Readiness]:
    """The packages that the tools of a pipeline need, by the tools' kinds."""
    found: list[Readiness] = []
    if any(isinstance(tool, HttpTool) for tool in tools):
        found.append(Readiness("tools", "http", tuple(missing("httpx2", "jsonschema", extra="tools"))))
    if any(isinstance(tool, SchemaTool) for tool in tools):
        found.append(Readiness("tools", "schema", tuple(missing("jsonschema", extra="tools"))))
    if any(isinstance(tool, McpTool) for tool in tools):
        found.append(Readiness("tools", "mcp", tuple(missing("mcp", extra="mcp"))))
    return found


def pipeline_readiness(slots: tuple[Slot, ...], providers: Mapping[str, Provider]) -> list[Readiness]:
    """The slots of a pipeline that have a provider, each with its own settings."""
    return [
        _checked(filling.key, filling.use, providers[filling.key])
        if filling.key in providers
        else Readiness(filling.key, filling.use, ())  # own code, which isn't run
        for slot in slots
        for filling in slot.fillings
    ]
