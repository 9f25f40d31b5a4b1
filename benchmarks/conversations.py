"""The CPU time of a hundred conversation tests on the simulated clock: those that ship, again and again."""

from __future__ import annotations

import time
from itertools import cycle, islice

from benchmarks._results import ROOT, Figure
from voicepipe.cli.conversations import hold_all, make_cases
from voicepipe.config.load import load_tests

PACKAGES = ("numpy", "pydantic", "espeakng-loader")
CONVERSATIONS = 100
GOAL_S = 10.0


def measure(quick: bool) -> list[Figure]:
    began = time.process_time()
    cases = make_cases(load_tests(ROOT / "pipelines" / "sim.yaml"), None)
    verdicts = list(hold_all(list(islice(cycle(cases), 7 if quick else CONVERSATIONS)), "stubs"))
    spent = time.process_time() - began
    assert all(verdict.passed for verdict in verdicts), "the tests that ship pass"
    lasted = sum(verdict.duration_s for verdict in verdicts)
    return [
        Figure(
            what=f"{len(verdicts)} conversation tests, CPU",
            unit="s",
            values=[spent],
            how=f"`pipelines/sim.yaml`, {lasted:.0f} s of calls, one process, loading included",
            at_most=GOAL_S,
        )
    ]
