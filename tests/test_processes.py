"""The whole suite takes several processes, and a part of it only one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import AT_MOST
from tests.support.require_all import VARIABLE

ROOT = Path(__file__).parents[1]

SETTINGS = """\
[tool.pytest.ini_options]
testpaths = ["."]
addopts = "-q -n auto --dist loadfile -rA"
"""
FILES = {
    "one": "def test(worker_id): print('in', worker_id)\ndef test_more(worker_id): print('in', worker_id)",
    "two": "def test(worker_id): print('in', worker_id)",
    "three": "def test(): assert False",
    "four": "import pytest\npytest.importorskip('no_such_package', reason='no sound card')",
}
ALONE = "master"
"""What pytest-xdist calls the process that was started."""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "conftest.py").write_text(
        "from tests.support.processes import pytest_xdist_auto_num_workers\n"
        "from tests.support.require_all import pytest_make_collect_report, pytest_runtest_makereport\n"
    )
    for name, code in FILES.items():
        (tmp_path / f"test_{name}.py").write_text(code)
    return tmp_path


def _run(suite: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist.plugin", "--continue-on-collection-errors", *options],
        cwd=suite,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", VARIABLE: "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def _processes(told: str) -> set[str]:
    return set(re.findall(r"^in (\w+)$", told, re.MULTILINE))


def test_the_whole_suite_is_run_by_several_and_what_failed_in_them_alone_by_one(suite: Path) -> None:
    told = _run(suite)
    assert 2 <= len(_processes(told)) <= AT_MOST
    assert ALONE not in _processes(told)
    assert "skipped, although VOICEPIPE_REQUIRE_ALL is set: no sound card" in told
    again = _run(suite, "--last-failed", "--last-failed-no-failures", "none")
    assert re.findall(r"^(?:FAILED|ERROR) (\S+)", again, re.MULTILINE) == [
        "test_four.py",
        "test_three.py::test",
    ]
    assert "passed" not in again.splitlines()[-1]


@pytest.mark.parametrize(
    "options", [("test_one.py",), ("-k", "more"), ("--lf", "test_one.py", "test_two.py")]
)
def test_a_part_of_the_suite_is_run_by_the_process_that_was_started(
    suite: Path, options: tuple[str, ...]
) -> None:
    assert _processes(_run(suite, *options)) == {ALONE}
