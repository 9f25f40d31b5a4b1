"""Settings of the whole suite."""

from __future__ import annotations

from hypothesis import settings

from tests.support.require_all import pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]

# Hypothesis' default deadline is a wall-clock assertion: it fails on a machine that is busy.
settings.register_profile("voicepipe", deadline=None)
settings.load_profile("voicepipe")
