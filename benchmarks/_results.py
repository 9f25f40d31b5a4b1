"""Where benchmarks leave their figures: ``benchmarks/results/NAME.json``, with what they were measured on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"


def save(name: str, figures: Mapping[str, Any], *, packages: Sequence[str] = ("numpy",)) -> Path:
    """Write ``figures`` (units in their names) beside the machine, the commit, the date and the versions of
    ``packages``. Returns the file."""
    path = RESULTS / f"{name}.json"
    RESULTS.mkdir(exist_ok=True)
    document = {
        "figures": dict(figures),
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in packages},
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path


def machine() -> dict[str, Any]:
    """The processor's name, the cores that this process may use, and the operating system."""
    return {
        "processor": _processor(),
        "cores": _cores(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def commit() -> str:
    """The commit of the working tree; ``+`` behind it if files differ from it, results aside."""
    head = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", "voicepipe", "benchmarks/*.py", "pipelines")
    return head + ("+" if head and changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
