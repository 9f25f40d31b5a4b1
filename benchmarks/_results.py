"""What benchmarks find out, and where they leave it.

Each gives a list of ``Figure``s. They go to ``benchmarks/results/NAME.json``, with what they were measured
on, and ``benchmarks/results/README.md`` is made of all those files.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """``values`` are independent measurements in ``unit``; their median is held against ``at_most``."""

    what: str
    unit: str
    values: Sequence[float]
    how: str
    at_most: float | None = None

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def met(self) -> bool:
        return self.at_most is None or self.median <= self.at_most

    def to_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "unit": self.unit,
            "at_most": self.at_most,
            "min": _rounded(min(self.values)),
            "median": _rounded(self.median),
            "max": _rounded(max(self.values)),
            "measurements": len(self.values),
            "how": self.how,
        }


def save(name: str, figures: Sequence[Figure], *, packages: Sequence[str]) -> Path:
    """Write ``figures`` beside the machine, the commit, the date and the versions of ``packages``."""
    path = RESULTS / f"{name}.json"
    RESULTS.mkdir(exist_ok=True)
    document = {
        "figures": [figure.to_dict() for figure in figures],
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in packages},
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def write_table(names: Sequence[str]) -> Path:
    """Make the Markdown table of what was saved under ``names``, in their order."""
    files = [(name, RESULTS / f"{name}.json") for name in names]
    documents = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in files if path.exists()}
    path = RESULTS / "README.md"
    path.write_text(table(documents), encoding="utf-8")
    return path


def table(documents: Mapping[str, Mapping[str, Any]]) -> str:
    """The documents that ``save`` wrote, by name, as Markdown."""
    lines = [
        "# Figures",
        "",
        "Made by `python -m benchmarks` of the JSON files beside this one. Measured: median (least to most).",
        "",
        "| what | at most | measured | how |",
        "|---|---|---|---|",
    ]
    for document in documents.values():
        lines += [_row(figure) for figure in document["figures"]]
    lines += ["", "| file | commit | date | machine | versions |", "|---|---|---|---|---|"]
    lines += [_origin(name, document) for name, document in documents.items()]
    return "\n".join(lines) + "\n"


def _row(figure: Mapping[str, Any]) -> str:
    unit, goal = figure["unit"], figure["at_most"]
    measured = f"{figure['median']:g} {unit}"
    if figure["min"] != figure["max"]:
        measured += f" ({figure['min']:g} to {figure['max']:g})"
    if goal is not None and figure["median"] > goal:
        measured = f"**{measured}**: over"
    return (
        f"| {figure['what']} | {'–' if goal is None else f'{goal:g} {unit}'} | {measured} | {figure['how']} |"
    )


def _origin(name: str, document: Mapping[str, Any]) -> str:
    machine = document["machine"]
    on = f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"
    versions = ", ".join(f"{package} {number}" for package, number in document["versions"].items())
    return f"| {name}.json | {document['commit']} | {document['date'][:10]} | {on} | {versions} |"


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


def _rounded(value: float) -> float:
    """Three significant digits, but no fewer than the whole number has."""
    return float(round(value)) if abs(value) >= 100 else float(f"{value:.3g}")
