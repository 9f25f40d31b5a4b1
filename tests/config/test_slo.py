from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from tests.config.fakes import load, one, problems
from voicepipe.config.slo import LATENCY_OBJECTIVES, SloConfig
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.timeline import LATENCIES

FILE = "voicepipe: 1\nstages: {{stt: whisper}}\nslo: {}\n"


def of(folder: Path, slo: str) -> SloConfig:
    found = load(folder, FILE.format(slo)).top.slo
    assert found is not None
    return found


def test_the_example_of_the_design_is_taken(tmp_path: Path) -> None:
    slo = of(
        tmp_path,
        '{voice_to_voice: {p50: "< 800ms", p90: "< 1s", p99: "< 2s"},'
        ' silent_after_interruption: {p95: "< 400ms"}}',
    )
    assert list(map(str, slo.objectives())) == [
        "voice_to_voice.p50 < 800ms",
        "voice_to_voice.p90 < 1s",
        "voice_to_voice.p99 < 2s",
        "silent_after_interruption.p95 < 400ms",
    ]
    assert [one.condition.limit for one in slo.objectives()] == [800 * MS, SECOND, 2 * SECOND, 400 * MS]
    assert (slo.window, slo.min_count) == (900 * SECOND, 20)


def test_without_it_there_is_none(tmp_path: Path) -> None:
    assert load(tmp_path, "voicepipe: 1\nstages: {stt: whisper}\n").top.slo is None


def test_shares_and_money_have_limits_too(tmp_path: Path) -> None:
    slo = of(tmp_path, '{answered: ">= 0.99", cost_usd_minute: "< 0.05", window: 1h, min_count: 1}')
    assert [(one.name, one.percent, one.condition.limit) for one in slo.objectives()] == [
        ("answered", None, 0.99),
        ("cost_usd_minute", None, 0.05),
    ]


def test_every_latency_of_a_turn_can_have_objectives() -> None:
    assert set(LATENCY_OBJECTIVES) == {*LATENCIES, "silent_after_interruption"}
    assert set(LATENCY_OBJECTIVES) < set(SloConfig.model_fields)
    assert "p90" in get_args(SloConfig.model_fields["stt"].annotation)[0].model_fields


@pytest.mark.parametrize(
    ("slo", "message"),
    [
        ("{voice_to_voice: {p50: 800}}", "expected a condition such as '< 1s', found '800'"),
        ("{voice_to_voice: {p50: 800ms}}", "expected a condition such as '< 1s', found '800ms'"),
        ('{voice_to_voice: {p50: "< 800"}}', "expected a duration such as '300ms'"),
        ('{voice_to_voice: {p50: "> 1s"}}', "expected a condition such as '< LIMIT', found '> 1s'"),
        ('{voice_to_voice: {p50: "< 0s"}}', "found '< 0ms'"),
        ('{voice_to_voice: {p80: "< 1s"}}', "unknown key 'p80'"),
        ("{voice_to_voice: {}}", "no limit is given here: expected p50, p90, p95 or p99"),
        ('{answered: "< 0.99"}', "expected a condition such as '>= LIMIT', found '< 0.99'"),
        ("{answered: 0.99}", "expected a condition such as '>= LIMIT', found '0.99'"),
        ('{answered: ">= 99"}', "expected a share of at most 1, such as '>= 0.99', found '>= 99'"),
        ('{cost_usd_minute: ">= 1"}', "expected a condition such as '< LIMIT', found '>= 1'"),
        ("{window: 900}", "a duration needs a unit"),
        ("{window: 1s}", "expected at least 1m, found '1s'"),
        ("{min_count: 0}", "expected at least 1, found '0'"),
        ("{voice_to_voise: {}}", "Did you mean 'voice_to_voice'?"),
    ],
)
def test_what_cannot_be_meant_is_one_clear_error(tmp_path: Path, slo: str, message: str) -> None:
    error = one(problems(tmp_path, FILE.format(slo)))
    assert message in error.message
    assert error.line == 3
