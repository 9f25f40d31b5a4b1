"""Optional packages: importing one that isn't installed gives a sentence with the command that mends it."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shlex
from functools import cache
from importlib import metadata
from typing import Any
from urllib.parse import unquote, urlsplit

from voicepipe.errors import SetupError

DISTRIBUTION = "voicepipe-framework"
"""The name of this distribution; ``voicepipe`` on the package index belongs to another project."""


@cache
def install_command(extra: str) -> str:
    """The command that adds ``extra`` to this very installation, from its own metadata."""
    target = DISTRIBUTION
    try:
        origin = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return f"pip install -e '.[{extra}]'  (in the folder of voicepipe's pyproject.toml)"
    if origin:
        source = json.loads(origin)
        url = source.get("url", "")
        if url.startswith("file://"):
            editable = "-e " if source.get("dir_info", {}).get("editable") else ""
            return f"pip install {editable}{shlex.quote(f'{unquote(urlsplit(url).path)}[{extra}]')}"
    return f"pip install '{target}[{extra}]'"


def installed(module: str) -> bool:
    """Whether the package of ``module`` is there; nothing is imported."""
    return importlib.util.find_spec(module.partition(".")[0]) is not None


def missing(*modules: str, extra: str) -> list[str]:
    """A sentence for each of ``modules`` that isn't installed, for ``Provider.check``."""
    return [
        f"the package '{module}' is not installed; install it with: {install_command(extra)}"
        for module in modules
        if not installed(module)
    ]


def require(module: str, *, extra: str, purpose: str) -> Any:
    """Import ``module``, or say which extra brings it. ``purpose``: "stt 'faster-whisper'"."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise  # the package is there, something that it needs isn't: its own message is the better one
        raise SetupError(
            f"{purpose} needs the package '{module.partition('.')[0]}', which is not installed",
            hint=f"install it with: {install_command(extra)}",
        ) from None
