"""voicepipe: voice agents declared in one YAML file. The names below are the public Python API."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voicepipe.api import Call, Pipeline
    from voicepipe.errors import ConfigError, ProviderError, ToolError, VoicepipeError
    from voicepipe.providers.base import LlmProvider, SttProvider, TtsProvider, VadProvider
    from voicepipe.speech.tools import tool
    from voicepipe.stages.base import Stage

__all__ = [
    "Call",
    "ConfigError",
    "LlmProvider",
    "Pipeline",
    "ProviderError",
    "Stage",
    "SttProvider",
    "ToolError",
    "TtsProvider",
    "VadProvider",
    "VoicepipeError",
    "tool",
]

_HOME = {
    "voicepipe.api": ("Call", "Pipeline"),
    "voicepipe.errors": ("ConfigError", "ProviderError", "ToolError", "VoicepipeError"),
    "voicepipe.providers.base": ("LlmProvider", "SttProvider", "TtsProvider", "VadProvider"),
    "voicepipe.speech.tools": ("tool",),
    "voicepipe.stages.base": ("Stage",),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    # Imported when used: `import voicepipe` in a tools file must not cost what a whole pipeline does.
    if name not in _MODULE:
        raise AttributeError(f"module 'voicepipe' has no attribute '{name}'")
    return getattr(import_module(_MODULE[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
