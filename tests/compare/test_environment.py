from __future__ import annotations

import getpass
import os
import platform
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from voicepipe.compare.environment import commit, environment, load, machine, now
from voicepipe.config.load import load_pipeline

PIPELINE = """\
voicepipe: 1
stages: {vad: energy, stt: sim, llm: sim, tts: sim}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a" / "pipeline.yaml"
    path.parent.mkdir()
    path.write_text(PIPELINE)
    return path


@pytest.fixture
def git(tmp_path: Path) -> Path:
    """A repository around the pipeline's folder, with nothing in it."""
    if shutil.which("git") is None:
        pytest.skip("git isn't installed")
    for arguments in (
        ("init", "-q"),
        ("-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-qm", "one", "--allow-empty"),
    ):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    return tmp_path


def test_it_tells_the_machine_the_versions_and_when(file: Path) -> None:
    found = environment([load_pipeline(file)], began=now())
    assert platform.machine() in found.machine
    assert "core" in found.machine
    assert found.python == platform.python_version()
    assert found.versions.keys() == {"voicepipe-framework", "numpy"}
    assert datetime.fromisoformat(found.began).utcoffset() is not None
    assert found.commit is None


def test_the_packages_of_the_providers_that_take_part_are_told(file: Path) -> None:
    loaded = load_pipeline(file, overrides=["stages.vad=silero"])
    assert "onnxruntime" in environment([loaded], began=now()).versions


def test_nothing_tells_who_measured(file: Path) -> None:
    text = environment([load_pipeline(file)], began=now()).model_dump_json()
    for secret in (platform.node(), str(Path.home()), str(file.parent), os.getcwd()):
        assert secret not in text
    if len(getpass.getuser()) > 4:  # "root" is also a word
        assert getpass.getuser() not in text


def test_a_folder_that_is_as_committed_has_a_commit_without_a_mark(git: Path, file: Path) -> None:
    file.unlink()
    clean = commit(file.parent)
    assert clean is not None
    assert len(clean) == 12


def test_a_folder_with_changes_has_a_mark(git: Path, file: Path) -> None:
    assert str(commit(file.parent)).endswith("+")


def test_the_load_is_per_core_and_the_machine_is_the_same_each_time() -> None:
    assert load() >= 0
    assert machine() == machine()
