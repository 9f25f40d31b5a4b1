from __future__ import annotations

from pathlib import Path

import pytest

from tests.observe.money import CLOUD, book
from tests.support.happenings import Story
from voicepipe.config.slo import SloConfig
from voicepipe.core.units import MS
from voicepipe.errors import UsageError
from voicepipe.observe.objectives import durations, judge, usd_minute
from voicepipe.observe.report import CallReport


def slo(**keys: object) -> SloConfig:
    return SloConfig.model_validate({"min_count": 1, **keys})


def turn(story: Story, number: int, total_ms: float, status: str = "completed") -> Story:
    """A spoken turn that begins each 10 s; of its latency the first 100 ms are the endpoint's."""
    at = 10_000 * number
    story.begin(at + 150, turn=number, spoken=(at, at + 100)).provider(at + 250, "llm", turn=number)
    story.provider(at + 300, "tts", turn=number).audible(at + total_ms, turn=number)
    return story.end(at + total_ms + 1000, turn=number, status=status)  # type: ignore[arg-type]


def report(story: Story, **options: object) -> CallReport:
    found = CallReport(session="s", clock="simulated", **options)  # type: ignore[arg-type]
    story.play(found)
    return found


def of(story: Story, **keys: object) -> list[str]:
    return [str(finding) for finding in judge(slo(**keys), report(story))]


def test_every_latency_of_a_turn_is_measured_by_its_name() -> None:
    (one,) = report(turn(Story(), 1, 900)).turns
    one.silenced_ns = 250 * MS
    found = {name: ns / MS for name, ns in durations(one)}
    assert (found.pop("voice_to_voice"), found.pop("silent_after_interruption")) == (900, 250)
    assert sum(found.values()) == 900
    assert {name: ms for name, ms in found.items() if ms} == {
        "endpoint": 100,
        "stt": 50,
        "llm_first_token": 100,
        "tts_first_audio": 50,
        "playout": 600,
    }
    assert one.timeline is not None
    assert found == {step: (one.timeline.spent_ns(step) or 0) / MS for step in found}


def test_a_typed_turn_and_an_unheard_one_have_no_latency_from_voice_to_voice() -> None:
    story = Story().begin(1000).audible(1300).end(2000)
    story.begin(3000, turn=2, spoken=(2500, 2900)).end(9000, turn=2, status="failed")
    found = [[name for name, _ in durations(one)] for one in report(story).turns]
    assert found == [["playout"], ["endpoint", "stt"]]


def test_a_call_is_judged_by_exact_percentiles() -> None:
    story = turn(turn(turn(Story(), 1, 900), 2, 700), 3, 1500)
    assert of(story, voice_to_voice={"p50": "<= 900ms", "p90": "< 1.5s"}) == [
        "voice_to_voice.p50 is 900 ms, of 3 measured; the objective is <= 900ms",
        "voice_to_voice.p90 is 1500 ms, of 3 measured; the objective is < 1.5s",
    ]
    findings = judge(slo(voice_to_voice={"p50": "<= 900ms", "p90": "< 1.5s"}), report(story))
    assert [(one.met, one.plain) for one in findings] == [(True, 900), (False, 1500)]


def test_a_part_of_a_call_is_not_judged_for_the_whole() -> None:
    story = turn(turn(turn(Story(), 1, 900), 2, 600), 3, 500)
    with pytest.raises(UsageError, match=r"(?s)keeps its last 2 turns; 1 were left out.*keep_turns=None"):
        judge(slo(voice_to_voice={"p90": "< 1s"}), report(story, keep_turns=2))


def test_what_has_too_few_measurements_is_not_judged() -> None:
    story = turn(turn(Story(), 1, 900), 2, 900)
    keys = {"voice_to_voice": {"p50": "< 1ms"}, "answered": "> 0.5"}
    assert len(of(story, min_count=2, **keys)) == 2
    assert of(story, min_count=3, **keys) == []


def test_the_share_of_answers_counts_turns_of_the_caller_only() -> None:
    story = Story().begin(0, user="").audible(100).end(900)
    turn(turn(story, 2, 900), 3, 900, "failed")
    assert of(story, answered=">= 0.99") == ["answered is 50.00%, of 2 measured; the objective is >= 0.99"]


def test_a_minute_costs_what_the_call_costs_by_its_length(tmp_path: Path) -> None:
    prices = book(tmp_path, CLOUD + "cost: {prices: {sim: {million_tokens_out: 1000}}}\n")
    story = turn(Story(), 1, 900).used(20_000, "llm", "tokens_out", 10)
    (found,) = judge(slo(cost_usd_minute="<= 0.03"), report(story, prices=prices))
    assert (found.value, found.met, found.plain) == (pytest.approx(0.03), True, found.value)
    assert str(found).startswith("cost_usd_minute is 0.030000, of 1 measured")


@pytest.mark.parametrize("priced", [True, False])
def test_what_has_no_price_cannot_be_within_a_limit(tmp_path: Path, priced: bool) -> None:
    story = turn(Story(), 1, 900).used(20_000, "llm", "tokens_out", 10)
    options = {"prices": book(tmp_path, CLOUD)} if priced else {}
    (found,) = judge(slo(cost_usd_minute="< 100"), report(story, **options))
    assert (found.value, found.plain, found.met) == (None, None, False)
    assert "is unknown, since something has no price" in str(found)


def test_a_call_that_took_no_time_costs_nothing_a_minute() -> None:
    assert usd_minute(0.0, 0) == 0.0
