"""Calls that take longer than their reports and histories go back."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from voicepipe.api import RATE, Pipeline
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.units import MS
from voicepipe.observe.report import CallReport
from voicepipe.observe.tail import KEPT_TURNS
from voicepipe.transports.wav import Typed, WavCall

LINES = [f"Question {number}" for number in range(1, 6)]


def pipeline(folder: Path, more: str) -> Pipeline:
    path = folder / "pipeline.yaml"
    path.write_text(f"voicepipe: 1\n{more}\nstages: {{vad: energy, stt: sim, llm: sim, tts: sim}}\n")
    return Pipeline.from_yaml(path, env={})


def users(report: dict[str, Any]) -> list[str]:
    return [turn["user"] for turn in report["turns"]]


def test_a_session_tells_its_last_turns_in_full_and_a_recording_all_of_them(tmp_path: Path) -> None:
    pipe = pipeline(tmp_path, "record: {dir: calls, audio: none}")

    async def hold() -> CallReport:
        async with pipe, pipe.session(keep_turns=3) as call:
            ends = WavCall(Clock(), script=[Typed(line) for line in LINES], rate=RATE, gap_ns=100 * MS)
            async for _ in call.run(ends.caller, ends.output):
                pass
            ends.close()
        return call.report

    report = run_on("simulated", hold())
    told = report.to_dict()
    assert users(told) == LINES[-3:]
    assert (told["left_out"], told["unanswered"], report.turn_count) == ({"turns": 2}, 0, 5)
    (path,) = (tmp_path / "calls").rglob("call.json")
    kept = json.loads(path.read_text("utf-8"))
    assert users(kept) == LINES
    assert kept["left_out"] == {}
    assert kept["usage"] == told["usage"]


def test_a_call_that_is_held_keeps_few_turns_for_who_asks_for_that(tmp_path: Path) -> None:
    pipe = pipeline(tmp_path, "")

    def ends(clock: Clock) -> WavCall:
        return WavCall(clock, script=[Typed(line) for line in LINES], rate=RATE, gap_ns=100 * MS)

    report = run_on("simulated", pipe.hold(ends, keep_turns=1))
    assert users(report.to_dict()) == LINES[-1:]
    assert (report.left_out, report.turn_count, report.unanswered_count) == ({"turns": 4}, 5, 0)


def test_a_session_keeps_twenty_turns_unless_it_is_told_otherwise() -> None:
    assert inspect.signature(Pipeline.session).parameters["keep_turns"].default == KEPT_TURNS == 20


def test_a_call_that_is_held_to_its_end_tells_every_turn_also_those_that_the_model_is_not_told_of(
    tmp_path: Path,
) -> None:
    pipe = pipeline(tmp_path, "agent: {history: {turns: 2}}")
    log = tmp_path / "events.jsonl"
    report = pipe.run_sync(text=LINES, gap_ns=100 * MS, events=log, clock="simulated")
    assert users(report.to_dict()) == LINES
    assert report.left_out == {}
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [line["turns"] for line in lines if line["event"] == "HistoryForgot"] == [1, 1]
