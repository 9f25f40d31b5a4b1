"""A call in which nothing is simulated, with the model of another vendor: one line of the file differs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.bad_wavs import COMMANDS
from tests.support.chat import beside
from tests.support.cli import Outcome, pipeline, spawn
from tests.support.hearing import WHISPER
from voicepipe.testing.anthropic_server import AnthropicServer, Reply, Thought, Tool, Usage

pytest.importorskip("anthropic", reason="needs the extra 'anthropic'")

QUESTION = COMMANDS / "slt_what_is_the_weather_in_paris.wav"
TOOLS = '''from voicepipe import tool


@tool
def get_weather(city: str) -> dict[str, object]:
    """Tell the weather."""
    return {"city": city, "celsius": 21}
'''


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, list[Any]]:
    """What was printed, and the bodies of the requests."""
    folder = tmp_path_factory.mktemp("call")
    (folder / "tools.py").write_text(TOOLS)
    asks = Tool(name="get_weather", input=['{"ci', 'ty": "Pa', 'ris"}'])
    replies = [
        Reply(thought=Thought(text=["Paris."]), text=["Let me look. "], tools=[asks]),
        Reply(text=["It is ", "21 ", "degrees."], usage=Usage(input=3, read=40, written=5, output=8)),
    ]
    with beside(AnthropicServer(*replies)) as server:
        stages = {
            "vad": "silero",
            "stt": {"use": "faster-whisper", "model": str(WHISPER)},
            "llm": {"use": "anthropic/test-model", "base_url": server.base_url, "effort": "low"},
            "tts": "espeak",
        }
        agent = {"prompt": "Be brief.", "greeting": "Hello.", "tools": ["./tools.py"]}
        file = pipeline(folder, json.dumps({"voicepipe": 1, "agent": agent, "stages": stages}))
        outcome = spawn("run", file, "--input", QUESTION, "--json", "--output", folder / "out.wav")
        assert outcome.status == 0, outcome.err
        return outcome, [request.json for request in server.messages]


def test_the_caller_hears_the_answer_that_the_tool_made_possible(call: tuple[Outcome, list[Any]]) -> None:
    turn = call[0].json["turns"][-1]
    assert (turn["user"], turn["agent"], turn["status"]) == (
        "what is the weather in paris",
        "Let me look. It is 21 degrees.",
        "completed",
    )
    assert turn["tool_calls"][0]["result"] == {"city": "Paris", "celsius": 21}


def test_the_model_is_given_the_call_in_its_own_language(call: tuple[Outcome, list[Any]]) -> None:
    first, second = call[1]
    assert first["system"] == "Be brief."
    assert first["output_config"] == {"effort": "low"}
    assert [tool["name"] for tool in first["tools"]] == ["get_weather"]
    assert [message["role"] for message in first["messages"]] == ["user", "assistant", "user"]
    assert first["messages"][1]["content"] == [{"type": "text", "text": "Hello."}]
    asked, answered = second["messages"][-2:]
    assert [block["type"] for block in asked["content"]] == ["thinking", "text", "tool_use"]
    (result,) = answered["content"]
    assert result["type"] == "tool_result"
    assert json.loads(result["content"]) == {"city": "Paris", "celsius": 21}


def test_tokens_are_told_with_their_cached_part(call: tuple[Outcome, list[Any]]) -> None:
    used = {
        entry["unit"]: entry["amount"]
        for entry in call[0].json["usage"]
        if entry["provider"] == "anthropic" and not entry.get("estimated")
    }
    assert used == {"tokens_in": 11 + 48, "tokens_in_cached": 40, "tokens_in_written": 5, "tokens_out": 15}
