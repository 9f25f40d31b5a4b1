"""The suite as users run it, ``pytest --voicepipe-provider package.module:Class``, in a folder of theirs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.documents import unpack

ROOT = Path(__file__).parents[2]

VOICE = """
import numpy as np
from voicepipe import TtsProvider
from voicepipe.providers.base import ProviderConfig, Speech, Word


class Config(ProviderConfig):
    level: int = 1000


class Voice(TtsProvider):
    name = "mine"
    rate = 16_000
    Config = Config

    async def synthesize(self, call, text):
        call.add_usage("characters", len(text))
        for _ in text.split():
            yield Speech(pcm=np.full(1600, self.config.level, np.int16))


class Greedy(Voice):
    async def synthesize(self, call, text):
        call.add_usage("characters", 1)
        async for event in super().synthesize(call, text):
            yield event


class Raising(Voice):
    async def synthesize(self, call, text):
        raise LookupError("no voice today")
        yield


class Connected(Voice):
    clock = "real"
"""

SUBJECT = """
from contextlib import asynccontextmanager
from mine import Connected
from voicepipe.errors import ProviderError
from voicepipe.testing.contract import Scene, Subject


class Dropping(Connected):
    async def synthesize(self, call, text):
        if self.config.level == 1:
            raise ProviderError("gone", provider="mine", kind="connection", retryable=True)
        async for event in super().synthesize(call, text):
            yield event


class Mine(Subject):
    provider = Dropping
    faults = frozenset({"dropped"})

    @asynccontextmanager
    async def scene(self, fault=None):
        async with super().scene() as scene:
            yield Scene(config={"level": 1}) if fault == "dropped" else scene
"""


def _run(
    folder: Path, *arguments: str, files: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    written = {"mine.py": VOICE, "mine_subject.py": SUBJECT} if files is None else files
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_good_provider_passes_and_each_promise_is_a_test_by_its_name(tmp_path: Path) -> None:
    done = _run(tmp_path, "-v", "--voicepipe-provider", "mine:Voice")
    assert done.returncode == 0, done.stdout
    assert "mine:Voice::usage_is_told_once PASSED" in done.stdout
    assert re.search(r"collected (\d+) items", done.stdout)
    assert re.search(r"=== 1\d passed in", done.stdout)


def test_a_failure_says_what_was_promised_and_what_was_found(tmp_path: Path) -> None:
    done = _run(tmp_path, "--voicepipe-provider", "mine:Greedy")
    assert done.returncode == 1
    assert "promised  A whole answer's usage stands on its call: once, exact" in done.stdout
    assert "found     characters: 44, where 43 were used" in done.stdout
    assert "provider  mine:Greedy" in done.stdout
    assert "FAILED mine:Greedy::usage_is_told_once" in done.stdout
    assert "1 failed" in done.stdout
    assert "Traceback" not in done.stdout


def test_what_a_provider_raises_is_shown_with_its_place(tmp_path: Path) -> None:
    done = _run(tmp_path, "--voicepipe-provider", "mine:Raising", "-k", "interface_says")
    assert done.returncode == 1
    assert "found     no voice today" in done.stdout
    assert "mine.py:" in done.stdout
    assert "LookupError" in done.stdout


def test_what_can_not_be_examined_is_skipped_and_says_how_it_could_be(tmp_path: Path) -> None:
    done = _run(tmp_path, "-rs", "--voicepipe-provider", "mine:Connected")
    assert done.returncode == 0
    assert "nothing here brings about 'dropped': name a subclass of voicepipe.testing" in done.stdout
    assert "6 skipped" in done.stdout


def test_a_subject_takes_the_place_of_the_provider_and_brings_faults_about(tmp_path: Path) -> None:
    done = _run(tmp_path, "-v", "--voicepipe-provider", "mine_subject:Mine")
    assert done.returncode == 0, done.stdout
    assert "mine_subject:Mine::a_dropped_connection_is_told_as_such PASSED" in done.stdout
    assert "mine_subject:Mine::a_refused_key_is_told_as_such SKIPPED" in done.stdout


def test_keys_are_given_on_the_command_line_or_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "quiet.yaml").write_text("level: 0\n")
    for keys in ("{level: 0}", "quiet.yaml"):
        done = _run(
            tmp_path,
            *("--voicepipe-provider", "mine:Voice", "--voicepipe-config", keys, "-k", "interface_says"),
        )
        assert "samples without a sound" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--voicepipe-provider", "mine:Nobody"], "mine:Nobody: it can't be imported: AttributeError"),
        (["--voicepipe-provider", "tts.nobody"], "no provider is registered under that name"),
        (["--voicepipe-provider", "mine:Voice", "--voicepipe-config", "{levle: 3}"], "unknown key 'levle'"),
        (["--voicepipe-config", "{level: 3}"], "name one with --voicepipe-provider"),
    ],
)
def test_wrong_options_are_told_in_a_sentence(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = _run(tmp_path, *arguments)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


OWN_TEST = "def test_mine():\n    assert True\n"


def test_own_tests_run_beside_the_suite_only_where_they_are_named(tmp_path: Path) -> None:
    files = {"mine.py": VOICE, "test_mine.py": OWN_TEST}
    alone = _run(tmp_path, "-v", "--voicepipe-provider", "mine:Voice", files=files)
    both = _run(tmp_path, "-v", "--voicepipe-provider", "mine:Voice", "test_mine.py", files=files)
    neither = _run(tmp_path, "-v", files=files)
    assert ("test_mine PASSED" in alone.stdout, "mine:Voice::" in alone.stdout) == (False, True)
    assert ("test_mine PASSED" in both.stdout, "mine:Voice::" in both.stdout) == (True, True)
    assert ("test_mine PASSED" in neither.stdout, "mine:Voice::" in neither.stdout) == (True, False)


UNUSED = """
import sys


def test_nothing_of_voicepipe_was_imported_for_the_option_that_is_not_used(pytestconfig):
    assert pytestconfig.pluginmanager.has_plugin("voicepipe")
    ours = [name for name in sys.modules if name.partition(".")[0] == "voicepipe"]
    assert sorted(ours) == ["voicepipe", "voicepipe.testing", "voicepipe.testing.pytest_plugin"]
    assert "numpy" not in sys.modules
    assert "pydantic" not in sys.modules
"""


def test_the_plugin_is_there_wherever_voicepipe_is_installed_and_costs_nothing(tmp_path: Path) -> None:
    done = _run(tmp_path, files={"test_unused.py": UNUSED})
    assert done.returncode == 0, done.stdout


def test_one_of_ours_meets_its_server_by_its_registered_name(tmp_path: Path) -> None:
    done = _run(tmp_path, "-v", "--voicepipe-provider", "llm.sim")
    assert done.returncode == 0, done.stdout
    assert "llm.sim::a_dropped_connection_is_told_as_such PASSED" in done.stdout


@pytest.mark.parametrize("named", ["morse:Morse", "morse_subject:QuickMorse", "chat_subject:ChatSubject"])
def test_what_the_guide_shows_passes(named: str, tmp_path: Path) -> None:
    unpack(ROOT / "docs" / "guides" / "provider.md", tmp_path)
    done = _run(tmp_path, "--voicepipe-provider", named, files={})
    assert done.returncode == 0, done.stdout
    assert "failed" not in done.stdout
