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
    """``values`` are independent measurements in ``unit``; their median is held against the goal.

    Without any, what was to be measured isn't there, and ``how`` says why.
    """

    what: str
    unit: str
    values: Sequence[float]
    how: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def median(self) -> float | None:
        return median(self.values) if self.values else None

    @property
    def met(self) -> bool:
        return meets(self.median, self.at_most, self.at_least)

    def to_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "unit": self.unit,
            "at_most": self.at_most,
            "at_least": self.at_least,
            "min": _rounded(min(self.values, default=None)),
            "median": _rounded(self.median),
            "max": _rounded(max(self.values, default=None)),
            "measurements": len(self.values),
            "how": self.how,
        }


def meets(measured: float | None, at_most: float | None, at_least: float | None) -> bool:
    """What is absent misses nothing."""
    if measured is None:
        return True
    return (at_most is None or measured <= at_most) and (at_least is None or measured >= at_least)


def goal(at_most: float | None, at_least: float | None, unit: str = "") -> str:
    """As a person reads it; empty if there is none."""
    limits = [("≤", at_most), ("≥", at_least)]
    return " and ".join(f"{sign} {limit:g} {unit}".rstrip() for sign, limit in limits if limit is not None)


def save(name: str, figures: Sequence[Figure], *, packages: Sequence[str], measured_at: str) -> Path:
    """Write ``figures`` beside the machine, the commit that was measured, the date and the versions."""
    path = RESULTS / f"{name}.json"
    RESULTS.mkdir(exist_ok=True)
    document = {
        "figures": [figure.to_dict() for figure in figures],
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in packages},
        "commit": measured_at,
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
        "| what | goal | measured | how |",
        "|---|---|---|---|",
    ]
    for document in documents.values():
        lines += [_row(figure) for figure in document["figures"]]
    lines += ["", "| file | commit | date | machine | versions |", "|---|---|---|---|---|"]
    lines += [_origin(name, document) for name, document in documents.items()]
    return "\n".join(lines) + "\n"


def _row(figure: Mapping[str, Any]) -> str:
    unit, measured = figure["unit"], figure["median"]
    limits = figure["at_most"], figure.get("at_least")
    told = "absent" if measured is None else f"{measured:g} {unit}".rstrip()
    if figure["min"] != figure["max"]:
        told += f" ({figure['min']:g} to {figure['max']:g})"
    if not meets(measured, *limits):
        told = f"**{told}**: missed"
    return f"| {figure['what']} | {goal(*limits, unit) or '–'} | {told} | {figure['how']} |"


def _origin(name: str, document: Mapping[str, Any]) -> str:
    machine = document["machine"]
    on = f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"
    versions = ", ".join(f"{package} {number}" for package, number in document["versions"].items())
    return f"| {name}.json | {document['commit']} | {document['date'][:10]} | {on} | {versions} |"


def machine() -> dict[str, Any]:
    """The processor's name, the cores that this process may use, and the operating system."""
    return {
        "processor": _processor(),
        "cores": cores(),
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


def cores() -> int:
    """Those that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _rounded(value: float | None) -> float | None:
    """Three significant digits, but no fewer than the whole number has, nor than tell 0.9994 from 1."""
    if value is None:
        return None
    return float(round(value)) if abs(value) >= 100 else float(f"{value:.{4 if 0.99 < value < 1 else 3}g}")
