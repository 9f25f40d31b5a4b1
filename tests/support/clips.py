"""Where the speech clips lie that tests use but the repository doesn't contain."""

from __future__ import annotations

from pathlib import Path

import pytest

CLIPS = Path(__file__).parents[2] / ".." / "shared" / "audio"


def clip(name: str) -> Path:
    """The path of a clip; skips the test where the clips are absent."""
    if not (CLIPS / name).exists():
        pytest.skip(f"the speech clips of ../shared/audio aren't here ({name})")
    return CLIPS / name
