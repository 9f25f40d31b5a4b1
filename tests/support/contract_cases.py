"""The providers that are registered, each with its subject and each of its promises, as test cases."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.support.hearing import WHISPER
from voicepipe.config.registry import Registry
from voicepipe.core.extras import installed
from voicepipe.testing.contract import Promise, Subject, keep, promises_of
from voicepipe.testing.contract_subjects import SHIPPED

_FOLDER = TemporaryDirectory()
atexit.register(_FOLDER.cleanup)


def _voice() -> dict[str, Any]:
    from tests.support.piper_voice import build_voice  # noqa: PLC0415 - needs the packages onnx and piper

    return {"voice": str(build_voice(Path(_FOLDER.name)))}


LOCAL: Mapping[str, Callable[[], dict[str, Any]]] = {
    "vad.energy": dict,
    "vad.silero": dict,
    "tts.espeak": dict,
    "stt.faster-whisper": lambda: {"model": str(WHISPER), "cadence": "2s"},
    "tts.piper": _voice,
}
"""Those that need no subject of their own, but some of them a model."""


SERVED: Mapping[str, str] = {
    **SHIPPED,
    "stt.openai (live)": "voicepipe.testing.contract_subjects.stt:OpenAILiveSubject",
}
"""Names → subjects. Behind one name, and a word for the second way of using it, there may be two."""


def provider_of(name: str) -> Any:
    kind, _, provider = name.partition(" ")[0].partition(".")
    return Registry.installed().provider(kind, provider)


@cache
def subject_named(name: str) -> Subject:
    if name in LOCAL:
        return Subject(provider_of(name), LOCAL[name]())
    return _served(name)


def _served(name: str) -> Subject:
    module, _, made = SERVED[name].partition(":")
    subject: Subject = getattr(import_module(module), made)()
    return subject


def shipped_by(module: str) -> list[str]:
    """The names whose subjects stand in ``contract_subjects/MODULE.py``."""
    return [name for name, reference in SERVED.items() if f".{module}:" in reference]


def cases(*names: str) -> Any:
    """A decorator for ``test(name, one)``: each promise of the providers ``names``."""
    found = []
    for name in names:
        provider = provider_of(name)
        missing = [package for package in provider.packages if not installed(package)]
        if missing:
            mark = pytest.mark.skip(reason=f"needs the extra '{provider.extra}'")
            found.append(pytest.param(name, None, id=name, marks=mark))
            continue
        # Only to list its promises, for which a local one doesn't need its model yet.
        subject = Subject(provider) if name in LOCAL else _served(name)
        found += [pytest.param(name, one, id=f"{name}-{one.name}") for one in promises_of(subject)]
    return pytest.mark.parametrize(("name", "one"), found)


def examine(name: str, one: Promise) -> None:
    keep(one, subject_named(name))
