"""Which stages and providers there are: entry points, listed without importing, imported when used.

========================  =====================================================================
``voicepipe.stages``      ``KIND = module:Class``
``voicepipe.providers``   ``KIND.NAME = module:Class``
========================  =====================================================================

voicepipe's own stand in its ``pyproject.toml`` under the same two groups as anybody's.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from voicepipe.errors import SetupError
from voicepipe.providers.base import Provider
from voicepipe.stages.base import Stage

STAGES = "voicepipe.stages"
PROVIDERS = "voicepipe.providers"

_OWN_CODE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_own_code(use: str) -> bool:
    """Whether ``use`` is a ``package.module:Class``."""
    return _OWN_CODE.fullmatch(use) is not None


class Registry:
    """Names → ``module:Class``. ``Registry.installed()`` has those of the installed packages."""

    def __init__(self, stages: Mapping[str, str], providers: Mapping[str, str]) -> None:
        self._stages = dict(stages)
        self._providers = dict(providers)

    @staticmethod
    @cache
    def installed() -> Registry:
        from importlib.metadata import entry_points  # noqa: PLC0415 - 20 ms that a given registry saves

        points = entry_points()  # each call reads what all installed packages say of themselves
        registry = Registry(
            {point.name: point.value for point in points.select(group=STAGES)},
            {point.name: point.value for point in points.select(group=PROVIDERS)},
        )
        if not registry._stages:
            raise SetupError(
                "no stages are registered: voicepipe isn't installed in this Python environment",
                hint="install it, from a checkout with: pip install -e .",
            )
        return registry

    @property
    def kinds(self) -> list[str]:
        """The kinds of stages."""
        return sorted(self._stages)

    def stage(self, kind: str) -> type[Stage]:
        """The stage of ``kind``, imported; raises ``KeyError`` for an unknown kind, ``SetupError``."""
        stage: type[Stage] = _load(self._stages[kind], Stage, f"stage '{kind}'")
        return stage

    def provider_names(self, kind: str) -> list[str]:
        """The providers that can fill a slot of the provider kind ``kind``."""
        return sorted(name.partition(".")[2] for name in self._providers if name.partition(".")[0] == kind)

    def provider_kinds(self, name: str) -> list[str]:
        """The provider kinds that ``name`` can fill."""
        return sorted(entry.partition(".")[0] for entry in self._providers if entry.partition(".")[2] == name)

    def provider(self, kind: str, name: str) -> type[Provider]:
        """The provider ``name`` of ``kind``, imported; raises ``KeyError``, ``SetupError``."""
        provider: type[Provider] = _load(self._providers[f"{kind}.{name}"], Provider, f"{kind} '{name}'")
        return provider


def own_provider(use: str, folder: Path) -> type[Provider]:
    """The class that ``use: package.module:Class`` names, from what is installed or from ``folder``.

    This runs the user's code. Raises ``SetupError`` if it can't be imported or is no provider.
    """
    sys.path.append(str(folder))  # behind everything else, so that a file here can't replace a library
    try:
        provider: type[Provider] = _load(use, Provider, f"'{use}'")
        return provider
    finally:
        sys.path.remove(str(folder))


def _load(reference: str, base: type[Any], what: str) -> Any:
    module, _, name = reference.partition(":")
    try:
        loaded = getattr(importlib.import_module(module), name)
    except Exception as error:  # somebody's module may raise anything while it is imported
        raise SetupError(f"{what} can't be imported: {type(error).__name__}: {error}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, base)):
        raise SetupError(f"{what} is no {base.__name__} class (voicepipe.{base.__name__})")
    return loaded
