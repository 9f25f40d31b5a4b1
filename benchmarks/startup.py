"""What starting costs: CPU time of a process, user and system, less that of a bare interpreter."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks._results import ROOT, Figure

PACKAGES = ("pydantic", "PyYAML")
RUNS = 21
BIN = Path(sys.executable).parent

BARE = [sys.executable, "-c", "pass"]
COMMANDS: dict[str, tuple[Sequence[str], float | None]] = {
    "import voicepipe": ([sys.executable, "-c", "import voicepipe"], 0.10),
    "voicepipe --help": ([str(BIN / "voicepipe"), "--help"], None),
    "voicepipe validate pipelines/quickstart.yaml": (
        [str(BIN / "voicepipe"), "validate", "--quiet", "pipelines/quickstart.yaml"],
        0.40,
    ),
}


def measure(quick: bool) -> list[Figure]:
    bare: list[float] = []
    samples: dict[str, list[float]] = {what: [] for what in COMMANDS}
    for warm_up in [True] + [False] * (2 if quick else RUNS):
        once = {what: _cpu_seconds(command) for what, (command, _) in COMMANDS.items()}
        if warm_up:
            continue  # byte code is written, files come from the disk
        bare.append(_cpu_seconds(BARE))
        for what, seconds in once.items():
            samples[what].append(seconds)
    return [
        Figure(
            what=f"`{what}`, CPU",
            unit="s",
            values=[one - median(bare) for one in samples[what]],
            how=f"user + system with byte code cached, less the {median(bare):.3f} s of a bare interpreter",
            at_most=goal,
        )
        for what, (_, goal) in COMMANDS.items()
    ]


def _cpu_seconds(command: Sequence[str]) -> float:
    """With byte code, as anywhere but where somebody has switched it off."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
