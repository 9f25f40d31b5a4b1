"""Where and when a comparison was measured: the machine, its load, the versions and the commit.

Nothing in it says who measured: no name of a host or of a user, and no path.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

from voicepipe.compare.measured import Environment
from voicepipe.config.load import LoadedPipeline
from voicepipe.core.cores import cores
from voicepipe.core.extras import DISTRIBUTION

PATIENCE = 5.0
"""Seconds for each question to git; a large working tree on a slow disk has none."""

ALWAYS = (DISTRIBUTION, "numpy")


def environment(pipelines: Iterable[LoadedPipeline], *, began: str) -> Environment:
    """Of this process. ``versions`` are those of ``pipelines``' providers, ``commit`` that of the first one's
    folder; ``began`` as ``now`` gives it."""
    pipelines = list(pipelines)
    return Environment(
        machine=machine(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=versions(pipelines),
        commit=commit(pipelines[0].folder) if pipelines else None,
        began=began,
    )


def now() -> str:
    """ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def load() -> float:
    """Processes that wanted a core in the last minute, per core; 0 where the system doesn't tell."""
    try:
        return os.getloadavg()[0] / cores()
    except (OSError, AttributeError):  # not on Windows
        return 0.0


@cache
def machine() -> str:
    """``x86_64, AMD EPYC 7B13, 2 cores, 24 GiB``, without what isn't known."""
    count = cores()
    parts = [platform.machine(), _processor(), f"{count} core{'' if count == 1 else 's'}", _memory()]
    return ", ".join(part for part in parts if part)


def versions(pipelines: Iterable[LoadedPipeline]) -> dict[str, str]:
    """Distribution → version: voicepipe, numpy, and what the providers say that they need, if it is here."""
    modules = {
        module
        for loaded in pipelines
        for slot in loaded.slots
        for filling in slot.fillings
        if filling.provider is not None
        for module in filling.provider.packages
    }
    known = _distributions()
    names = {name for module in modules for name in known.get(module.partition(".")[0], ())}
    found = {name: _version(name) for name in (*ALWAYS, *sorted(names - {*ALWAYS}))}
    return {name: version for name, version in found.items() if version is not None}


def commit(folder: Path) -> str | None:
    """The commit of the working tree that holds ``folder``, with ``+`` if the folder isn't as committed, or
    git didn't say in time. None without git, or outside of a working tree."""
    head = _git(folder, "rev-parse", "--short=12", "HEAD")
    if not head:
        return None
    return head + ("" if _git(folder, "status", "--porcelain", "--", ".") == "" else "+")


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None if it fails, or takes too long. It changes nothing and starts nothing."""
    git = shutil.which("git")
    if git is None:
        return None
    settings = ("--no-optional-locks", "-c", "core.fsmonitor=false")
    try:
        done = subprocess.run(
            [git, *settings, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@cache
def _distributions() -> dict[str, list[str]]:
    """Top-level module → the distributions that bring it."""
    return {module: list(names) for module, names in metadata.packages_distributions().items()}


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "" if platform.processor() == platform.machine() else platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "")


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError, AttributeError):  # not on Windows
        return ""
    return f"{round(size / 2**30)} GiB"
