"""Under VOICEPIPE_REQUIRE_ALL=1 nothing may be left out silently."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.require_all import VARIABLE

ROOT = Path(__file__).parents[1]

SKIPS = {
    "in_a_test": "def test(): pytest.skip('no sound card')",
    "by_a_mark": "@pytest.mark.skip(reason='no sound card')\ndef test(): pass",
    "by_a_condition": "@pytest.mark.skipif(True, reason='no sound card')\ndef test(): pass",
    "in_a_fixture": "@pytest.fixture\ndef card(): pytest.skip('no sound card')\ndef test(card): pass",
    "of_a_file": "pytest.importorskip('no_such_package', reason='no sound card')\ndef test(): pass",
}
FINE = {
    "excused": "from tests.support.clips import clip\ndef test(): clip('no_such_clip.wav')",
    "expected": "@pytest.mark.xfail(reason='known')\ndef test(): assert False",
}


def _run(folder: Path, files: dict[str, str], value: str) -> subprocess.CompletedProcess[str]:
    for name, code in files.items():
        (folder / f"test_{name}.py").write_text(f"import pytest\n{code}\n", encoding="utf-8")
    options = ["-rA", "--continue-on-collection-errors", "-p", "no:cacheprovider"]
    environment = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", VARIABLE: value}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.support.require_all", *options, folder],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_kind_of_skip_is_a_failure_and_says_why(tmp_path: Path) -> None:
    done = _run(tmp_path, SKIPS, "1")
    assert done.returncode != 0
    for name in SKIPS:
        assert re.search(rf"^(FAILED|ERROR) test_{name}\.py", done.stdout, re.MULTILINE), name
    assert done.stdout.count("skipped, although VOICEPIPE_REQUIRE_ALL is set: no sound card") >= len(SKIPS)


def test_clips_that_the_repository_may_not_contain_and_expected_failures_are_excused(tmp_path: Path) -> None:
    done = _run(tmp_path, FINE, "1")
    assert done.returncode == 0
    assert "1 skipped, 1 xfailed" in done.stdout


def test_without_the_variable_a_skip_is_a_skip(tmp_path: Path) -> None:
    done = _run(tmp_path, SKIPS, "")
    assert done.returncode == 0
    assert "5 skipped" in done.stdout
