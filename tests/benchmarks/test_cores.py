from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks._cores import bound, last

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="the system doesn't bind processes to cores"
)

TELL = "import os; print(*os.sched_getaffinity(0))"


def _child() -> str:
    return subprocess.run([sys.executable, "-c", TELL], check=True, capture_output=True, text=True).stdout


def test_a_child_begins_on_the_core_and_its_parent_has_all_of_them_again() -> None:
    before = os.sched_getaffinity(0)
    with bound(last()):
        assert _child().split() == [str(max(before))]
    assert os.sched_getaffinity(0) == before


def test_who_is_bound_to_no_core_in_particular_runs_anywhere() -> None:
    before = os.sched_getaffinity(0)
    with bound(None):
        assert {int(core) for core in _child().split()} == before


def test_the_cores_are_given_back_after_a_failure() -> None:
    before = os.sched_getaffinity(0)
    with pytest.raises(ZeroDivisionError), bound(last()):
        raise ZeroDivisionError
    assert os.sched_getaffinity(0) == before
