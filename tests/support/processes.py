"""The whole suite runs in several processes at once, since most of its time is waiting: for a call in real
time, for a command, for a deadline.

A pytest plugin. pytest-xdist asks it how many processes ``-n auto`` of pyproject.toml means.
"""

from __future__ import annotations

import os

import pytest

BEYOND_THE_CORES = 1
"""Processes that wait leave room for one more."""

AT_MOST = 4
"""Each collects all tests, which takes longer than the tests that further ones would take over."""

PARTS = ("keyword", "markexpr", "lf", "stepwise", "voicepipe_provider")
"""Options that make a part of the suite out of the whole, or something else."""


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """0 is this process alone: a part of the tests would be over before others had collected theirs."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return 0
    if any(config.getoption(name, None) for name in PARTS):
        return 0
    return min((os.cpu_count() or 1) + BEYOND_THE_CORES, AT_MOST)
