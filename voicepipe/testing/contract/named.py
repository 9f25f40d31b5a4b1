"""From what stands on the command line to a subject."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from voicepipe.config.interpolate import Environment
from voicepipe.config.registry import Registry
from voicepipe.core import yaml12
from voicepipe.core.extras import missing
from voicepipe.core.nodes import Node, Source
from voicepipe.errors import ConfigError, ConfigErrors, SetupError, UsageError
from voicepipe.providers.base import Provider, ProviderConfig
from voicepipe.testing.contract.subject import Subject, checked
from voicepipe.testing.contract_subjects import SHIPPED


def subject_of(reference: str, config: str | None, folder: Path) -> Subject:
    """The subject that ``reference`` names, configured by ``config``: a YAML file, or a map on one line.

    ``reference`` is a provider's class or registered name, or a subject's class. One of voicepipe's own
    providers meets its stand-in server, unless ``config`` is given. Modules are looked up among what is
    installed, then in ``folder``, where relative paths begin as well. Raises ``VoicepipeError``.
    """
    found = _named(reference, folder)
    subject, provider = (found, found.provider) if issubclass(found, Subject) else (Subject, found)
    if provider.extra and (problems := missing(*provider.packages, extra=provider.extra)):
        raise SetupError("\n".join(problems))
    if config is not None:
        return subject(provider, read_config(provider, config, folder))
    own = f"{provider.kind}.{provider.name}"
    if subject is Subject and own in SHIPPED and provider.__module__.startswith("voicepipe.providers."):
        subject = _load(SHIPPED[own])
    return subject(provider)


def read_config(provider: type[Provider], written: str, folder: Path) -> ProviderConfig:
    """``written`` as the provider's configuration. Raises ``ConfigErrors``."""
    errors: list[ConfigError] = []
    if written.lstrip().startswith("{"):
        node = yaml12.parse(written, Source("--voicepipe-config", folder, None), errors)
    else:
        path = folder / written
        node = yaml12.read(path, Source(written, path.parent, path.parent), errors)
    if node is None:
        raise ConfigErrors(errors)
    if not isinstance(node.value, dict):
        raise ConfigErrors([node.place.error(f"expected a map of the provider's keys, found {node.kind}")])
    return checked(provider, _interpolated(node, errors), errors)


def _interpolated(node: Node, errors: list[ConfigError]) -> Node:
    return Environment(os.environ).interpolate(node, errors)


def _named(reference: str, folder: Path) -> type[Any]:
    if ":" not in reference:
        return _registered(reference)
    sys.path.append(str(folder))  # behind everything else, so that a file here can't replace a library
    try:
        found = _load(reference)
    except Exception as error:  # somebody's module may raise anything while it is imported
        raise SetupError(f"it can't be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(folder))
    if not (isinstance(found, type) and issubclass(found, Provider | Subject)):
        raise UsageError("it is neither a provider's class nor a voicepipe.testing.contract.Subject")
    return found


def _registered(name: str) -> type[Provider]:
    kind, _, provider = name.partition(".")
    try:
        return Registry.installed().provider(kind, provider)
    except KeyError:
        raise UsageError(
            "no provider is registered under that name",
            hint="expected KIND.NAME, such as tts.espeak, or package.module:Class",
        ) from None


def _load(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
