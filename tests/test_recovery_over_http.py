"""Whole calls with a model behind HTTP that fails in OpenAI's protocol, on loopback and in real time."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.chat import answering
from voicepipe.api import RATE, Pipeline
from voicepipe.core.clock import run_on
from voicepipe.core.units import MS
from voicepipe.observe.report import CallReport
from voicepipe.testing.http import Request
from voicepipe.testing.openai_server import Reply, Tool
from voicepipe.transports.wav import Typed, WavCall

pytest.importorskip("openai", reason="needs the extra 'local'")

ANSWER = Reply(text=["It ", "left."])
FAULTS = {
    "refused": Reply(status=429),
    "failed": Reply(status=500),
    "dropped": Reply(fault="drop"),
    "dropped in the middle": Reply(text=["Well, "], fault="drop"),
    "garbled": Reply(fault="malformed"),
}


def model(url: str, **keys: Any) -> dict[str, Any]:
    return {"use": "openai/test-model", "base_url": url, **keys}


def call(folder: Path, llm: dict[str, Any], *lines: str) -> CallReport:
    voice = {"use": "sim", "speed": 20}
    turn = {"strategy": "silence", "speculate": []}
    stages = {"vad": "energy", "stt": "sim", "turn": turn, "llm": llm, "tts": voice}
    file = folder / "pipeline.yaml"
    agent = {"tools": [{"builtin": "current_time"}]}
    file.write_text(yaml.safe_dump({"voicepipe": 1, "agent": agent, "stages": stages}))
    script = [Typed(line) for line in lines]
    ends = partial(WavCall, script=script, rate=RATE, gap_ns=10 * MS)
    return run_on("real", Pipeline.from_yaml(file).hold(ends))


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_server_that_fails_once_is_asked_the_same_again(fault: Reply, tmp_path: Path) -> None:
    with answering(fault, ANSWER) as server:
        report = call(tmp_path, model(server.base_url, retry={"backoff": "10ms"}), "where is it")
        first, second = server.completions
    assert [(turn.user, turn.heard) for turn in report.turns] == [("where is it", "It left.")]
    assert first.json["messages"] == second.json["messages"]
    assert report.failures == []


@pytest.mark.parametrize("fault", [Reply(status=401), Reply(status=404)], ids=["key", "request"])
def test_a_server_that_refuses_is_not_asked_again(fault: Reply, tmp_path: Path) -> None:
    with answering(fault) as server:
        report = call(tmp_path, model(server.base_url), "where is it")
        assert len(server.completions) == 1
    assert [turn.heard for turn in report.turns][1:] == [
        "Sorry, something went wrong. Please say that again."
    ]


@pytest.mark.parametrize(
    "fault", [*FAULTS.values(), Reply(status=401), Reply(silent=True)], ids=[*FAULTS, "key", "silent"]
)
def test_a_server_that_fails_is_replaced_by_another_one_for_the_rest_of_the_call(
    fault: Reply, tmp_path: Path
) -> None:
    with answering(answer=lambda request: fault) as bad, answering(answer=lambda request: ANSWER) as good:
        llm = model(bad.base_url, timeout={"first": "200ms"}, fallback=[model(good.base_url)])
        report = call(tmp_path, llm, "one", "two")
        asked = len(bad.completions)
        assert len(good.completions) == 2
    assert [(turn.user, turn.heard) for turn in report.turns] == [("one", "It left."), ("two", "It left.")]
    assert asked <= 2, "the second question isn't put to it"
    assert len(report.switches) == 1


def test_a_server_that_has_gone_is_replaced_and_one_that_comes_too_late_is_not_missed(tmp_path: Path) -> None:
    """The first can't even be started; the call begins with the fallback."""
    with answering(models=None) as gone:
        address = gone.base_url
    with answering(answer=lambda request: ANSWER) as good:
        report = call(tmp_path, model(address, fallback=[model(good.base_url)]), "where is it")
    assert [turn.heard for turn in report.turns] == ["It left."]
    (switch,) = report.switches
    assert "it couldn't be started: nothing answers" in switch.reason


def test_results_of_tools_survive_the_failure_of_the_request_that_carries_them(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def answer(request: Request) -> Reply:
        roles = [message["role"] for message in request.json["messages"]]
        seen.append(roles)
        if "tool" not in roles:
            return Reply(tools=[Tool(name="current_time")])
        return Reply(status=500) if len(seen) == 2 else ANSWER

    with answering(answer=answer) as server:
        llm = model(server.base_url, retry={"backoff": "10ms"})
        report = call(tmp_path, llm, "what time is it")
    assert seen == [["user"], ["user", "assistant", "tool"], ["user", "assistant", "tool"]]
    (turn,) = report.turns
    assert (turn.heard, len(turn.tool_calls)) == ("It left.", 1)
