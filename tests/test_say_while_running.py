"""From the pipeline file to the caller's ear: what is said while a tool runs, in conversations with stubs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import voicepipe

TOOLS = '''\
from voicepipe import tool

@tool(side_effect=False)
def order_status(number: int) -> dict[str, str]:
    """Say where an order is."""
    raise AssertionError("a stub answers")
'''
PIPELINE = """\
voicepipe: 1
agent:
  variables: {name: {default: Ann}}
  tools: [{python: ./tools.py, say_while_running: "One moment {{name}}, let me look."}]
stages:
  vad: energy
  stt: sim
  llm:
    use: sim
    replies: [{when: order, call: {order_status: {number: 4711}}, say: "Your order {result.status}."}]
  tts: sim
tool_results: {order_status: {result: {status: has left}, delay: 3s}}
tests:
  - name: the wait is filled
    steps:
      - user: {say: "Where is my order?"}
      - expect: {tool: order_status, heard: "One moment Ann, let me look. Your order has left."}
      - expect: {says: {matches: "^Your order has left.$"}}
  - name: a quick tool says nothing
    tool_results: {order_status: {status: has left}}
    steps:
      - user: {say: "Where is my order?"}
      - expect: {heard: {matches: "^Your order has left.$"}}
  - name: a filler can be interrupted, and isn't history
    tool_results: {order_status: {result: {status: has left}, delay: 8s}}
    steps:
      - user: {say: "Where is my order?"}
      - user: {say: "Never mind, what about the order of yesterday?", while: agent_speaking, at: 400ms}
      - expect: {interrupted: true, heard_only: true, heard: Your order has left}
    expect: {tool_calls: 2}
"""


def test_conversations_with_a_tool_that_takes_its_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    outcome = voicepipe(capsys, "test", tmp_path / "pipeline.yaml")
    assert outcome.status == 0, outcome.out
    assert "3 passed" in outcome.out + outcome.err
