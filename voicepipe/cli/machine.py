"""What this computer has, for ``voicepipe doctor``: packages, sound, keys, and what providers lack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata

from pydantic import ValidationError

from voicepipe.config.registry import Registry
from voicepipe.config.slots import Slot
from voicepipe.core.calls import Host, Workers
from voicepipe.core.extras import DISTRIBUTION, missing, require
from voicepipe.errors import SetupError
from voicepipe.providers.base import Provider

BASE = "base"
NOT_FOR_USERS = ("dev", "all")
"""The extras that bring nothing that a pipeline could use by itself."""

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)[^;]*(?:;.*extra\s*==\s*['\"]([^'\"]+)['\"])?")


@dataclass(frozen=True, slots=True)
class Sound:
    """The names of the devices that are used by default; None if there is none, and why."""

    microphone: str | None = None
    loudspeaker: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """What ``kind`` ``name`` needs and this computer lacks, a sentence each."""

    kind: str
    name: str
    missing: tuple[str, ...]


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
    if problems := missing("sounddevice", extra="local"):
        return Sound(problem=problems[0])
    try:
        sounddevice = require("sounddevice", extra="local", purpose="the sound card")
    except OSError:
        return Sound(
            problem="the library PortAudio, which sounddevice uses, is not installed; "
            "on Debian and Ubuntu: apt install libportaudio2"
        )
    names: list[str | None] = []
    for kind in ("input", "output"):
        try:
            names.append(str(sounddevice.query_devices(kind=kind)["name"]))
        except (sounddevice.PortAudioError, ValueError):  # no device, or none by default
            names.append(None)
    if not any(names):
        return Sound(problem="there is no sound device")
    return Sound(names[0], names[1])


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
    return [
        Readiness(kind, name, tuple(_missing_by_default(registry, kind, name, workers, env)))
        for kind, name in registered(registry)
    ]


def _missing_by_default(
    registry: Registry, kind: str, name: str, workers: Workers, env: Mapping[str, str]
) -> list[str]:
    try:
        provider = registry.provider(kind, name)
    except SetupError as error:
        return [error.message]
    try:
        config = provider.Config()
    except ValidationError:  # it can't do without settings: only its packages can be looked for
        return missing(*provider.packages, extra=provider.extra or BASE)
    return provider(config, Host(workers=workers, language="en-US", env=env)).check()


def pipeline_readiness(slots: tuple[Slot, ...], providers: Mapping[str, Provider]) -> list[Readiness]:
    """The slots of a pipeline that have a provider, each with its own settings."""
    return [
        Readiness(slot.key, slot.use, tuple(providers[slot.key].check() if slot.key in providers else ()))
        for slot in slots
        if slot.use is not None
    ]
