"""One call in which nothing is simulated, looked at from all sides."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.bad_wavs import COMMANDS
from tests.support.calls import Side, events, named, sides, sounds_ms
from tests.support.chat import answering
from tests.support.cli import Outcome, pipeline, spawn
from tests.support.hearing import WHISPER
from voicepipe.audio.level import end_of_speech, first_audible
from voicepipe.audio.wav import read_wav
from voicepipe.observe.timeline import LATENCIES, STEPS
from voicepipe.testing.openai_server import OpenAIServer, Reply, Tool

QUESTION = COMMANDS / "slt_what_is_the_weather_in_paris.wav"
FRAME_MS = 20
GAP_MS = 500
"""The default, which the first clip waits for, too."""


@dataclass(frozen=True)
class RealCall:
    outcome: Outcome
    server: OpenAIServer
    caller: Side
    agent: Side
    log: list[dict[str, Any]]

    @property
    def turn(self) -> dict[str, Any]:
        (turn,) = self.outcome.json["turns"]
        assert isinstance(turn, dict)
        return turn


@pytest.fixture(scope="module")
def real_call(tmp_path_factory: pytest.TempPathFactory) -> RealCall:
    """Silero, Whisper, a chat server that streams a tool call, a Python tool and espeak."""
    folder = tmp_path_factory.mktemp("call")
    (folder / "tools.py").write_text(
        "from voicepipe import tool\n\n\n"
        "@tool\ndef get_weather(city: str) -> dict[str, object]:\n"
        '    """Tell the weather."""\n    return {"city": city, "celsius": 21}\n'
    )
    calls_tool = Reply(tools=[Tool(name="get_weather", arguments=['{"ci', 'ty": "Pa', 'ris"}'])])
    with answering(calls_tool, Reply(text=["It is ", "21 ", "degrees."])) as server:
        stages = {
            "vad": "silero",
            "stt": {"use": "faster-whisper", "model": str(WHISPER)},
            "llm": {"use": "openai", "model": "test-model", "base_url": server.base_url},
            "tts": "espeak",
        }
        agent = {"prompt": "Be brief.", "tools": ["./tools.py"]}
        file = pipeline(folder, json.dumps({"voicepipe": 1, "agent": agent, "stages": stages}))
        outcome = spawn(
            *("run", file, "--input", QUESTION, "--json"),
            *("--output", folder / "out.wav", "--events", folder / "e.jsonl"),
        )
    assert outcome.status == 0, outcome.err
    return RealCall(outcome, server, *sides(folder / "out.wav"), events(folder / "e.jsonl"))


def test_a_call_is_printed_as_one_json_object(real_call: RealCall) -> None:
    printed = real_call.outcome.json
    assert set(printed) == {
        *(
            "session",
            "clock",
            "turns",
            "unanswered",
            "usage",
            "wasted",
            "left_out",
            "not_sent_ms",
            "saved",
            "discarded_drafts",
            "ignored",
            "dead_air",
            "switches",
            "cost_usd",
            "cost",
        )
    }
    assert isinstance(printed["session"], str)
    assert printed["clock"] == "real"
    assert printed["cost_usd"] is None, "nobody has said what this machine costs"
    assert {one["unit"] for one in printed["cost"]["unpriced"]} == {"machine_ms"}
    told = ("user", "agent", "heard", "tool_calls", "latency_ms", "status", "filler")
    assert {name: real_call.turn[name] for name in told} == {
        "user": "what is the weather in paris",
        "agent": "It is 21 degrees.",
        "heard": "It is 21 degrees.",
        "tool_calls": [
            {
                "name": "get_weather",
                "arguments": {"city": "Paris"},
                "result": {"city": "Paris", "celsius": 21},
            }
        ],
        "latency_ms": real_call.turn["latency_ms"],  # the next test's
        "status": "completed",
        "filler": False,
    }


def test_the_latencies_are_those_of_the_steps(real_call: RealCall) -> None:
    latency = real_call.turn["latency_ms"]
    assert list(latency) == list(LATENCIES)
    steps = [latency[name] for name in STEPS]
    assert all(step is not None and step >= 0 for step in steps)
    assert latency["vad"] + latency["endpoint"] >= 300  # the shortest silence that ends a turn
    assert sum(steps) == pytest.approx(latency["voice_to_voice"])


def test_the_answer_of_the_tool_goes_to_the_model(real_call: RealCall) -> None:
    first, second = (request.json for request in real_call.server.completions)
    assert first["messages"][-1] == {"role": "user", "content": "what is the weather in paris"}
    assert [tool["function"]["name"] for tool in first["tools"]] == ["get_weather"]
    assert second["messages"][-1]["role"] == "tool"
    assert json.loads(second["messages"][-1]["content"]) == {"city": "Paris", "celsius": 21}


def test_people_read_the_call_on_standard_error(real_call: RealCall) -> None:
    lines = real_call.outcome.err.splitlines()
    assert lines[0].startswith("llm: openai at http://127.0.0.1:")
    assert lines[1:] == [
        "you    what is the weather in paris",
        'tool   get_weather(city="Paris")',
        '       → {"city":"Paris","celsius":21}',
        "agent  It is 21 degrees.",
    ]


def test_the_event_log_tells_the_call_in_order(real_call: RealCall) -> None:
    log = real_call.log
    assert log[0]["event"] == "LogBegan"
    assert log[0]["session"] == real_call.outcome.json["session"]
    assert [event["t_ms"] for event in log] == sorted(event["t_ms"] for event in log)
    happened = [event["event"] for event in log]
    order = ["SpeechStarted", "ClipEnded", "TurnBegan", "ToolStarted", "ToolFinished", "PlaybackStarted"]
    places = [happened.index(name) for name in (*order, "TurnEnded")]
    assert places == sorted(places)
    (ended,) = named(log, "TurnEnded")
    assert ended["status"] == "completed"


def test_the_recording_has_the_caller_left_and_the_agent_right(real_call: RealCall) -> None:
    caller, agent = real_call.caller, real_call.agent
    assert caller.pcm.size == agent.pcm.size
    begin, end = sounds_ms(QUESTION)
    offset = caller.first_sound_ms() - begin
    assert abs(offset - GAP_MS) <= 3 * FRAME_MS  # the caller may begin a little after the session
    length = read_wav(QUESTION).seconds * 1000
    assert caller.between(offset + length + FRAME_MS).is_silent
    assert agent.between(0, offset + end).is_silent


def test_the_agent_is_heard_as_long_after_the_caller_as_is_reported(real_call: RealCall) -> None:
    end = end_of_speech(real_call.caller.pcm, real_call.caller.rate)
    first = first_audible(real_call.agent.pcm, real_call.agent.rate)
    assert end is not None
    assert first is not None
    measured = (first - end) * 1000 / real_call.caller.rate
    assert abs(measured - real_call.turn["latency_ms"]["voice_to_voice"]) <= FRAME_MS


def test_the_agent_is_heard_as_long_as_the_log_says(real_call: RealCall) -> None:
    told = [event for event in named(real_call.log, "Heard") if event["segment"] == 0]
    heard = real_call.agent.sounding_ms()  # a computer that is busy otherwise leaves gaps in between
    assert heard <= told[-1]["heard_ms"]
    assert heard >= told[-1]["heard_ms"] - 600  # voices begin and end with silence
