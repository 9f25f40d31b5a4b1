"""A whole cascade on the simulated clock, where every latency is known beforehand to the nanosecond."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.tones import tone
from tests.support.workers import make_host, make_workers
from voicepipe.config.tool_models import BuiltinTool
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.log import EventLog
from voicepipe.observe.report import CallReport
from voicepipe.observe.timeline import Timelines, TurnTimeline
from voicepipe.providers.sim_llm import SimLlm
from voicepipe.providers.sim_stt import SimStt
from voicepipe.providers.sim_tts import SimTts
from voicepipe.providers.sim_vad import SimVad
from voicepipe.runtime.graph import Node, compile_graph
from voicepipe.runtime.session import Session, Slot
from voicepipe.runtime.tools import ToolSet
from voicepipe.speech.tools import tool
from voicepipe.stages.base import Agent
from voicepipe.stages.llm import Llm
from voicepipe.stages.stt import Stt
from voicepipe.stages.tts import Tts
from voicepipe.stages.turn import TurnStage
from voicepipe.stages.vad import Vad
from voicepipe.transports.wav import Clip, Typed, WavCall

RATE = 16_000
MIN_SILENCE = 300 * MS
HANGOVER = 160 * MS
FIRST_SIGN = 60 * MS
STT_FINAL = 240 * MS
FIRST_TOKEN = 200 * MS
PER_TOKEN = 20 * MS
TOOL = 150 * MS
TTS_FIRST_AUDIO = 80 * MS


@tool(side_effect=False)
async def opening_hours(day: str) -> dict[str, str]:
    """When it is open."""
    await asyncio.sleep(TOOL / SECOND)
    return {"from": "nine"}


CERTAIN = {"strategy": "silence", "min_silence": "300ms", "speculate": []}
"""Nothing is begun before the turn is over."""
AHEAD = {"strategy": "silence", "min_silence": "800ms"}


def make_slots(turn: dict[str, Any]) -> list[Slot]:
    agent, host = Agent(), make_host()
    replies = [
        {
            "when": "hours",
            "say": "It opens at {result.from}. Come early!",
            "call": {"opening_hours": {"day": "monday"}},
        },
        {"say": "Goodbye.", "call": {"end_call": {}}},
    ]
    vad = SimVad(SimVad.Config(), host)
    stt = SimStt(
        SimStt.Config.model_validate({"texts": ["what are your hours"], "final_after": "240ms"}), host
    )
    llm = SimLlm(
        SimLlm.Config.model_validate({"replies": replies, "first_token": "200ms", "per_token": "20ms"}), host
    )
    tts = SimTts(SimTts.Config.model_validate({"first_audio": "80ms"}), host)
    turn_config = TurnStage.Config.model_validate(turn)
    return [
        Slot("vad", Vad(Vad.Config.model_validate({"hangover": "160ms"}), vad, agent), vad),
        Slot("stt", Stt(Stt.Config(), stt, agent), stt),
        Slot("turn", TurnStage(turn_config, None, agent), None),
        Slot("llm", Llm(Llm.Config(), llm, agent), llm),
        Slot("tts", Tts(Tts.Config(), tts, agent), tts),
    ]


def question() -> Clip:
    """A second of sound and a second of silence."""
    pcm: Pcm = np.concatenate((tone(300, RATE, 1.0, peak=8000), np.zeros(RATE, np.int16)))
    return Clip("hours.wav", pcm, end_of_speech=RATE)


async def hold(log_path: Path, turn: dict[str, Any] = CERTAIN) -> tuple[CallReport, list[TurnTimeline]]:
    """The caller asks for the hours, types a goodbye, and would ask again."""
    clock, slots = Clock(), make_slots(turn)
    session = Session(
        name="s1",
        graph=compile_graph([Node(slot.name, slot.stage.ports(slot.stage.config)) for slot in slots]),
        slots=slots,
        agent=Agent(),
        tools=ToolSet.of([BuiltinTool(builtin="end_call")], [opening_hours]),
        workers=make_workers(),
        clock=clock,
    )
    report = CallReport(session=session.name, clock=clock.name)
    turns: list[TurnTimeline] = []
    log = EventLog(log_path, session=session.name, clock=clock.name)
    for observer in (report, Timelines(turns.append), log):
        session.observe(observer)
    call = WavCall(clock, [question(), Typed("thank you"), question()], rate=RATE)
    await session.run(call.caller, call.output)
    log.close()
    return report, turns


Held = tuple[CallReport, list[TurnTimeline], Path]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Held:
    path = tmp_path_factory.mktemp("call") / "e.jsonl"
    report, turns = run_on("simulated", hold(path))
    return report, turns, path


def test_every_step_of_a_spoken_turn_takes_what_it_takes(held: Held) -> None:
    _, (turn, _), _ = held
    tokens = 4  # "It opens at nine."; the blank before the next one ends the sentence
    assert [(part.step, part.duration_ns) for part in turn.contributions] == [
        ("vad", FIRST_SIGN),
        ("endpoint", MIN_SILENCE - FIRST_SIGN),
        ("stt", HANGOVER + STT_FINAL - MIN_SILENCE),
        ("llm_queue", 0),
        ("llm_first_token", FIRST_TOKEN),
        ("llm", 0),
        ("tools", TOOL),
        ("llm", FIRST_TOKEN),
        ("chunk", tokens * PER_TOKEN),
        ("tts_first_audio", TTS_FIRST_AUDIO),
        ("audible", 0),
        ("playout", 0),
    ]
    assert (turn.spoken, turn.estimated) == (True, False)


def test_what_is_done_during_the_wait_costs_nothing_but_what_outlasts_it(tmp_path: Path) -> None:
    report, (turn, _) = run_on("simulated", hold(tmp_path / "e.jsonl", AHEAD))
    began = 800 * MS
    words = HANGOVER + STT_FINAL
    answered = words + FIRST_TOKEN + TOOL + FIRST_TOKEN
    assert [(part.step, part.duration_ns) for part in turn.contributions] == [
        ("vad", FIRST_SIGN),
        ("endpoint", began - FIRST_SIGN),
        ("stt", 0),
        ("llm_queue", 0),
        ("llm_first_token", 0),
        ("llm", 0),
        ("tools", 0),
        ("llm", answered - began),
        ("chunk", 4 * PER_TOKEN),
        ("tts_first_audio", TTS_FIRST_AUDIO),
        ("audible", 0),
        ("playout", 0),
    ]
    assert [(part.step, part.duration_ns) for part in turn.ahead] == [
        ("stt", words),
        ("llm_first_token", FIRST_TOKEN),
        ("tools", TOOL),
        ("llm", began - words - FIRST_TOKEN - TOOL),
    ]
    assert (report.discarded_drafts, report.wasted.to_list()) == (0, [])
    assert [call.result for call in report.turns[0].tool_calls] == ['{"from":"nine"}']


def test_the_report_tells_the_call(held: Held) -> None:
    report, _, _ = held
    spoken, typed = report.to_dict()["turns"]
    usage = spoken.pop("usage")
    assert [(one["slot"], one["unit"]) for one in usage] == [
        ("llm", "tokens_in"),
        ("llm", "tokens_out"),
        ("tts", "characters"),
    ]
    assert spoken == {
        "turn": 1,
        "user": "what are your hours",
        "agent": "It opens at nine. Come early!",
        "heard": "It opens at nine. Come early!",
        "status": "completed",
        "tool_calls": [{"name": "opening_hours", "arguments": {"day": "monday"}, "result": {"from": "nine"}}],
        "latency_ms": {
            "vad": 60,
            "endpoint": 240,
            "stt": 100,
            "llm_queue": 0,
            "llm_first_token": 200,
            "llm": 200,
            "tools": 150,
            "chunk": 80,
            "tts_first_audio": 80,
            "audible": 0,
            "playout": 0,
            "voice_to_voice": 300 + 100 + 200 + 150 + 200 + 160,
        },
        "filler": False,
        "silenced_ms": None,
        "wasted": [],
    }
    assert (typed["user"], typed["agent"]) == ("thank you", "Goodbye.")
    assert typed["latency_ms"]["voice_to_voice"] is None
    assert report.heard_speech
    assert report.unanswered == []
    assert report.failures == []


def test_end_call_ends_the_call_after_the_goodbye_was_heard(held: Held) -> None:
    report, _, _ = held
    assert len(report.turns) == 2
    assert report.turns[-1].heard == "Goodbye."


def test_the_log_holds_the_call_in_order_and_each_tool_once(held: Held) -> None:
    _, _, path = held
    events: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    times = [event["t_ms"] for event in events]
    assert times == sorted(times)
    names = [event["event"] for event in events]
    assert names[0] == "LogBegan"
    assert [names.count(name) for name in ("ToolStarted", "ToolFinished", "TurnEnded")] == [2, 2, 2]


def test_the_same_call_gives_the_same_log_to_the_byte(held: Held, tmp_path: Path) -> None:
    _, _, path = held
    run_on("simulated", hold(tmp_path / "again.jsonl"))
    assert (tmp_path / "again.jsonl").read_bytes() == path.read_bytes()
