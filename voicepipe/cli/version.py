"""Which version of voicepipe this is."""

from __future__ import annotations

from importlib import metadata

from voicepipe.core.extras import DISTRIBUTION


def version() -> str:
    """The version of the installed distribution."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown (not installed)"
