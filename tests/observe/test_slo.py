from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.observe.money import CLOUD, book
from tests.observe.test_objectives import slo, turn
from tests.support.happenings import Story
from tests.support.scenes import PIPELINE, Ends, Microphone, ask
from voicepipe.api import Pipeline
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.records import ObjectiveMissed
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.alerts import Alert, Alerts
from voicepipe.observe.report import CallReport
from voicepipe.observe.slo import Objectives, Watcher
from voicepipe.observe.timeline import Mark, TurnTimeline
from voicepipe.observe.turn_report import TurnReport

MINUTE = 60 * SECOND
WINDOW = 15 * MINUTE
CALM = WINDOW // 5


def answered_in(ms: float, *, status: Any = "completed") -> TurnReport:
    timeline = TurnTimeline(
        turn=1, start_ns=0, spoken=True, estimated=True, marks=(Mark("playout", round(ms * MS)),)
    )
    audible = status == "completed"
    return TurnReport(1, "hello", status=status, timeline=timeline if audible else None, audible=audible)


def changes(objectives: Objectives, now_ns: int, *turns: TurnReport) -> list[tuple[str, bool]]:
    for one in turns:
        objectives.note_turn(now_ns, one)
    return [(change.finding.objective.name, change.missed) for change in objectives.look(now_ns)]


def test_one_alert_when_it_begins_and_one_when_it_has_been_over_for_a_while() -> None:
    objectives = Objectives(slo(voice_to_voice={"p50": "< 1s"}))
    name = "voice_to_voice.p50"
    assert changes(objectives, 0, answered_in(900)) == []
    assert changes(objectives, MINUTE, answered_in(1100), answered_in(1100)) == [(name, True)]
    assert changes(objectives, 2 * MINUTE, answered_in(1200)) == []
    assert changes(objectives, 3 * MINUTE, *[answered_in(800)] * 9) == [], "met, but only just"
    assert changes(objectives, 3 * MINUTE + CALM - 1, answered_in(800)) == []
    assert changes(objectives, 3 * MINUTE + CALM, answered_in(800)) == [(name, False)]
    assert changes(objectives, 20 * MINUTE, answered_in(800)) == []


def test_it_says_nothing_before_enough_was_measured() -> None:
    objectives = Objectives(slo(min_count=3, voice_to_voice={"p90": "< 1s"}))
    assert changes(objectives, 0, answered_in(5000), answered_in(5000)) == []
    assert changes(objectives, 0, answered_in(5000)) == [("voice_to_voice.p90", True)]


def test_what_is_missed_stays_so_while_too_little_is_known() -> None:
    objectives = Objectives(slo(min_count=2, voice_to_voice={"p90": "< 1s"}))
    assert changes(objectives, 0, *[answered_in(5000)] * 2) == [("voice_to_voice.p90", True)]
    assert changes(objectives, 3 * WINDOW, answered_in(500)) == []
    assert changes(objectives, 3 * WINDOW + CALM, answered_in(500)) == [], "two, but only now"
    assert changes(objectives, 3 * WINDOW + 2 * CALM) == [("voice_to_voice.p90", False)]


def test_what_lies_before_the_window_is_forgotten() -> None:
    objectives = Objectives(slo(voice_to_voice={"p99": "< 1s"}))
    assert changes(objectives, 0, answered_in(5000)) == [("voice_to_voice.p99", True)]
    assert changes(objectives, WINDOW, answered_in(500)) == []
    assert changes(objectives, WINDOW + CALM) == [("voice_to_voice.p99", False)]


def test_answers_are_counted_over_all_turns_of_the_window() -> None:
    objectives = Objectives(slo(min_count=2, answered=">= 0.75"))
    fine, failed = answered_in(500), answered_in(0, status="failed")
    assert changes(objectives, 0, fine, fine, fine, failed) == []
    assert changes(objectives, 1, failed) == [("answered", True)]


def test_a_minute_costs_what_all_calls_cost_and_nothing_is_known_without_a_price() -> None:
    objectives = Objectives(slo(cost_usd_minute="<= 0.06"))
    objectives.note_cost(0, 10**9 * 60, 0, MINUTE)
    assert changes(objectives, 0, answered_in(500)) == []
    objectives.note_cost(WINDOW, 0, 5, MINUTE)
    assert changes(objectives, WINDOW, answered_in(500)) == [("cost_usd_minute", True)]


@given(
    st.lists(st.tuples(st.integers(0, MINUTE), st.integers(1, 3000), st.booleans()), min_size=1, max_size=150)
)
def test_alerts_begin_and_end_in_turn_and_never_sooner_than_the_calm_lasts(
    steps: list[tuple[int, int, bool]],
) -> None:
    objectives = Objectives(slo(voice_to_voice={"p50": "< 1s"}, answered="> 0.5"))
    now, told = 0, dict[str, list[tuple[int, bool]]]()
    for wait, ms, fine in steps:
        now += wait
        for name, missed in changes(
            objectives, now, answered_in(ms, status="completed" if fine else "failed")
        ):
            told.setdefault(name, []).append((now, missed))
    for story in told.values():
        assert [missed for _, missed in story] == [number % 2 == 0 for number in range(len(story))]
        over = [(now, at) for (at, missed), (now, _) in pairwise(story) if missed]
        assert all(end - begin >= CALM for end, begin in over)


# ── with calls ───────────────────────────────────────────────────────────────────────────────────


def watched(tmp_path: Path, story: Story, **keys: Any) -> tuple[list[Any], list[Alert]]:
    async def watch() -> tuple[list[Any], list[Alert]]:
        records, told, alerts = list[Any](), list[Alert](), Alerts()
        alerts.add(told.append)
        prices = book(tmp_path, CLOUD + "cost: {prices: {sim: {million_tokens_out: 1000}}}\n")
        report = CallReport(session="s1", clock="simulated", prices=prices)
        objectives = slo(**keys)
        watcher = Watcher(
            objectives,
            Objectives(objectives),
            alerts,
            clock=Clock(),
            report=report,
            record=records.append,
        )
        for at_ns, event in story.events:
            report(at_ns, event)
            watcher(at_ns, event)
        assert records == told == [], "whoever observes the call sees the end of the turn first"
        await asyncio.sleep(0)
        return records, told

    return run_on("simulated", watch())


def test_the_log_of_the_call_and_the_callbacks_are_told(tmp_path: Path) -> None:
    story = turn(turn(Story(), 1, 1400), 2, 1400)
    (record,), (alert,) = watched(tmp_path, story, voice_to_voice={"p90": "< 1s"}, window="5m")
    assert isinstance(record, ObjectiveMissed)
    assert (record.objective, record.limit, record.count) == ("voice_to_voice.p90", "< 1s", 1)
    assert abs(record.value - 1400) <= 14
    assert (record.at_ns, record.window_ns) == (12_400 * MS, 5 * MINUTE)
    assert alert.kind == "objective_missed"
    assert alert.text.endswith(" ms, of 1 measured; the objective is < 1s; missed in the last 5m")
    assert alert.data == {
        "objective": "voice_to_voice.p90",
        "limit": "< 1s",
        "value": record.value,
        "count": 1,
        "window_ms": 300_000,
        "session": "s1",
    }


def test_what_a_turn_costs_counts_from_when_it_ends(tmp_path: Path) -> None:
    story = turn(Story(), 1, 900).used(15_000, "llm", "tokens_out", 60)
    (record,), _ = watched(tmp_path, turn(story, 2, 900), cost_usd_minute="<= 0.16")
    assert (record.at_ns, record.count) == (21_900 * MS, 2)
    assert round(record.value * 21.9 / 60, 12) == 0.06


def test_a_discarded_draft_is_no_turn(tmp_path: Path) -> None:
    story = Story().draft(1000).end(1200, status="discarded")
    assert watched(tmp_path, story, answered=">= 0.99") == ([], [])


def test_calls_of_a_pipeline_count_together_and_the_one_that_tips_it_has_it_in_its_log(
    tmp_path: Path,
) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(PIPELINE + 'slo: {voice_to_voice: {p50: "< 100ms"}, min_count: 2}\n')

    async def hold() -> list[Alert]:
        told = list[Alert]()
        async with Pipeline.from_yaml(file) as pipe:
            pipe.on_alert(told.append)
            for number in range(3):
                await pipe.hold(one_question, events=tmp_path / f"{number}.jsonl")
        return told

    told = run_on("simulated", hold())
    assert [(alert.kind, alert.data["count"]) for alert in told] == [("objective_missed", 2)]
    lines = [
        [json.loads(line) for line in (tmp_path / f"{number}.jsonl").read_text().splitlines()]
        for number in range(3)
    ]
    missed = [[line for line in log if line["event"] == "ObjectiveMissed"] for log in lines]
    assert [len(found) for found in missed] == [0, 1, 0]
    assert missed[1][0]["objective"] == "voice_to_voice.p50"
    assert missed[1][0]["window_ms"] == 900_000


def one_question(clock: Clock) -> Any:
    return Ends(clock, Microphone(ask(), 5.0))
