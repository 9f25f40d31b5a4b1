"""The README, the Makefile and continuous integration do the same; commands shown in YAML files exist."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.documents import blocks
from voicepipe.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
CI = ROOT / ".ci"
PIPELINES = sorted((ROOT / "pipelines").rglob("*.yaml"))


def _shown(name: str) -> list[str]:
    """The commands that the README shows under the comment that names them."""
    (block,) = [one for one in blocks(ROOT / "README.md", "sh") if one.above == f"<!-- ci: {name} -->"]
    return block.code.splitlines()


def _recipes() -> dict[str, list[str]]:
    """Target of the Makefile → its commands, as the README would write them."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for ours, plain in (("$(PYTHON)", "python3"), ("$(BIN)", ".venv/bin"), (" --quiet", "")):
        text = text.replace(ours, plain)
    found: dict[str, list[str]] = {}
    target = ""
    for line in text.splitlines():
        if match := re.match(r"([\w./-]+):(?!=)", line):
            target = match[1]
            found[target] = []
        elif line.startswith("\t") and line != "\ttouch $@":
            found[target].append(line[1:])
    return found


@pytest.mark.parametrize("name", ["demo", "test"])
def test_make_runs_what_the_readme_shows(name: str) -> None:
    recipes = _recipes()
    assert recipes[f".venv/{name}"] + recipes[name] == _shown(name)


@pytest.mark.parametrize("name", ["demo", "test"])
def test_continuous_integration_runs_what_the_readme_shows(name: str) -> None:
    done = subprocess.run(
        [sys.executable, CI / "readme.py", name], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == _shown(name)
    assert f"readme {name}\n" in (CI / "run").read_text(encoding="utf-8")


def test_continuous_integration_stops_if_the_readme_lost_a_block() -> None:
    done = subprocess.run(
        [sys.executable, CI / "readme.py", "nonsense"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "0 blocks under '<!-- ci: nonsense -->'" in done.stderr


def test_continuous_integration_can_be_executed() -> None:
    assert os.access(CI / "run", os.X_OK)


def test_every_linter_of_the_makefile_runs_in_continuous_integration() -> None:
    script = (CI / "run").read_text(encoding="utf-8").splitlines()
    assert set(_recipes()["lint"][0].split(" && ")) <= set(script)


@pytest.mark.parametrize("file", PIPELINES, ids=lambda path: path.name)
def test_commands_in_the_comments_of_pipelines_are_accepted(file: Path) -> None:
    for line in re.findall(r"^#\s+(voicepipe .+)$", file.read_text(encoding="utf-8"), re.MULTILINE):
        name, *arguments = shlex.split(line, comments=True)[1:]
        assert name in COMMANDS, line
        parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
        import_module(f"voicepipe.cli.{name}").add_arguments(parser)
        parser.parse_args(arguments)
