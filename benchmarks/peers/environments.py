"""An environment of its own for each peer, beside our own and out of git, with pinned versions.

``pip`` gets its settings (an index, constraints) from where it always does.
"""

from __future__ import annotations

import compileall
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks._results import ROOT

FOLDER = ROOT / ".venv-peers"
PACKAGES = {
    "pipecat": ("pipecat-ai==1.14.0",),
    "livekit": ("livekit-agents==1.8.9", "livekit-plugins-silero==1.8.9"),
}
UNWANTED = ("torch", "nvidia-")
"""Neither needs them for what is measured; with them an environment weighs gigabytes."""


def environment(peer: str) -> dict[str, Any]:
    """Make it unless it is there, and of our own version of Python: another one would not be measured alike.

    What is in it: ``python``, ``versions`` and ``megabytes``.
    """
    folder = FOLDER / peer
    told = folder / "installed.json"
    wanted = list(PACKAGES[peer])
    if told.exists():
        installed: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
        alike = installed["wanted"] == wanted and installed.get("interpreter") == platform.python_version()
        if alike and Path(installed["python"]).exists():  # else the checkout was moved
            return installed
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", *wanted], check=True)
    listed = subprocess.run([*pip, "list", "--format=json"], capture_output=True, text=True, check=True)
    versions = {one["name"]: one["version"] for one in json.loads(listed.stdout)}
    check(versions)
    installed = {
        "wanted": wanted,
        "interpreter": platform.python_version(),
        "python": str(python),
        "versions": versions,
        "megabytes": round(weight(folder) / 2**20),
    }
    told.write_text(json.dumps(installed, indent=2), encoding="utf-8")
    return installed


def compile_ours() -> None:
    """Byte code for voicepipe and the harness: pip has made it for the peers, and whoever works in a checkout
    may have told Python not to write any, and would have each measured process compile its modules.

    ``RuntimeError`` if it can't be written.
    """
    for package in ("voicepipe", "benchmarks"):
        if not compileall.compile_dir(ROOT / package, quiet=1):
            raise RuntimeError(f"no byte code could be written for {ROOT / package}")


def check(versions: dict[str, str]) -> None:
    """``RuntimeError`` if something heavy has come along."""
    heavy = [name for name in versions if name.lower().startswith(UNWANTED)]
    if heavy:
        raise RuntimeError(f"{', '.join(heavy)} came along: constrain pip to versions that don't need them")


def weight(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
