"""What a short program tells under an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def told_under(program: str, environment: Mapping[str, str]) -> str:
    """The standard output of ``program``, run with nothing but ``environment``; it has to succeed."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
