"""Under ``VOICEPIPE_REQUIRE_ALL=1`` a test that skips has failed: continuous integration has installed all.

A pytest plugin. What no installation can mend is excused.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

R = TypeVar("R", pytest.TestReport, pytest.CollectReport)

VARIABLE = "VOICEPIPE_REQUIRE_ALL"

EXCUSED = (
    "the speech clips of ../shared/audio",  # not ours to copy into the repository
    "there is a CUDA device",  # the test is of a computer without one
)
"""Beginnings of reasons."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _insist((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _insist((yield))


def _insist(report: R) -> R:
    if report.skipped and os.environ.get(VARIABLE) == "1" and not hasattr(report, "wasxfail"):
        reason = _reason(report)
        if not reason.startswith(EXCUSED):
            report.outcome = "failed"
            report.longrepr = f"skipped, although {VARIABLE} is set: {reason}"
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """What the test says, without pytest's own "Skipped: "."""
    where_and_why = report.longrepr
    text = where_and_why[2] if isinstance(where_and_why, tuple) else str(where_and_why)
    return text.removeprefix("Skipped: ")
