"""A command on a computer that lacks some packages."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Collection
from pathlib import Path

from tests.support.cli import Outcome

ROOT = Path(__file__).parents[2]


def site_without(folder: Path, modules: Collection[str]) -> Path:
    """``folder`` filled with links to all that is installed here, but for ``modules``."""
    for installed in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(installed).iterdir():
            if entry.name.partition(".")[0] not in {*modules, "voicepipe"}:
                (folder / entry.name).symlink_to(entry)
    return folder


def spawn_with(site: Path, *argv: str | Path, cwd: Path) -> Outcome:
    """Run a command in a process that finds packages in ``site`` only."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "voicepipe", *map(str, argv)],
        cwd=cwd,
        env={
            **os.environ,
            "PYTHONIOENCODING": "utf-8",
            "PYTHONPATH": os.pathsep.join((str(site), str(ROOT))),
        },
        capture_output=True,
        check=False,
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
