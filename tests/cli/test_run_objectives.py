"""``voicepipe run`` on a pipeline with ``slo:``: its exit status, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import SIM, Outcome, pipeline, voicepipe


def run(folder: Path, capsys: pytest.CaptureFixture[str], slo: str, *more: str) -> Outcome:
    file = pipeline(folder, f"{SIM}slo: {slo}\n")
    options = ("--text", "Where is my order?", "--text", "And when?", "--clock", "simulated", *more)
    return voicepipe(capsys, "run", file, *options)


def test_a_call_that_misses_an_objective_ends_with_1_and_says_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(tmp_path, capsys, '{min_count: 2, llm_first_token: {p50: "< 1ms"}, answered: "> 0.9"}')
    assert outcome.status == 1
    (told,) = [line for line in outcome.err.splitlines() if "objective" in line]
    assert "an objective was missed: llm_first_token.p50 is" in told
    assert told.endswith("of 2 measured; the objective is < 1ms")


def test_a_call_that_meets_them_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run(tmp_path, capsys, '{min_count: 2, llm_first_token: {p50: "< 9s"}, answered: "> 0.9"}')
    assert outcome.status == 0
    assert "objective" not in outcome.err


def test_what_was_measured_too_seldom_is_not_judged_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slo = '{llm_first_token: {p50: "< 1ms"}, voice_to_voice: {p90: "< 1ms", p99: "< 1ms"}}'
    outcome = run(tmp_path, capsys, slo)
    assert outcome.status == 0
    assert "3 of the objectives can't be judged by fewer than 20 measurements" in outcome.err


def test_what_has_no_price_misses_a_limit_of_the_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(tmp_path, capsys, '{min_count: 1, cost_usd_minute: "< 5"}')
    assert outcome.status == 1
    assert "cost_usd_minute is unknown, since something has no price" in outcome.err
