"""How much disk an installation takes: fresh virtual environments, filled from this checkout."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks._results import ROOT, Figure

PACKAGES = ("pip",)
INSTALLS = {"base": ("", 120.0), "quickstart": ("[quickstart]", 560.0)}
MB = 512 / 2**20
"""What `du -m` counts in, per block of the disk."""

SHOWN = 8
"""Packages that are named, the largest first."""


def measure(quick: bool) -> list[Figure]:
    installs = {"base": INSTALLS["base"]} if quick else INSTALLS
    return [_figure(name, extra, goal) for name, (extra, goal) in installs.items()]


def _figure(name: str, extra: str, goal: float) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        venv = Path(folder) / "venv"
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip = [str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-e", f"{ROOT}{extra}"], check=True)
        sizes = _sizes(venv)
    shown = ", ".join(f"{package} {blocks * MB:.0f}" for package, blocks in sizes.most_common(SHOWN))
    return Figure(
        what=f"virtual environment of the {name} install",
        unit="MB",
        values=[sizes.total() * MB],
        how=f"`du -m` of a fresh one; the largest: {shown}",
        at_most=goal,
    )


def _sizes(venv: Path) -> Counter[str]:
    """Blocks of 512 bytes by package; ``venv`` is what lies outside of site-packages."""
    sizes: Counter[str] = Counter()
    for path in venv.rglob("*"):
        if path.is_symlink():
            continue
        parts = path.relative_to(venv).parts
        below = parts[parts.index("site-packages") + 1 :] if "site-packages" in parts else ()
        package = re.split(r"[.-]", below[0])[0] if below else "venv"
        sizes[package] += path.stat().st_blocks
    return sizes
