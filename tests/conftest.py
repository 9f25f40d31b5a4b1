"""Settings of the whole suite."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

from tests.support.processes import pytest_xdist_auto_num_workers
from tests.support.require_all import pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport", "pytest_xdist_auto_num_workers"]

# Hypothesis' default deadline is a wall-clock assertion: it fails on a machine that is busy. In CI the
# examples are the same each time; new ones are looked for where somebody can see what they find.
settings.register_profile("voicepipe", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("voicepipe")

# A shell that runs the suite in its background has it ignore Ctrl-C, which programs that tests start inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
