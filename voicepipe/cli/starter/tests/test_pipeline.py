"""Run by: pytest

The profile `sim` plays scripted engines, and the simulated clock doesn't wait: this takes no key, no model
and no time. It tests your wiring and your tools, not how clever a model is.
"""

from __future__ import annotations

from pathlib import Path

from voicepipe import Pipeline

PIPELINE = Path(__file__).parent.parent / "pipeline.yaml"


def test_the_pipeline_file_is_valid() -> None:
    assert Pipeline.from_yaml(PIPELINE).loaded.profiles == ("sim",)


def test_a_question_about_monday_is_answered_with_what_the_tool_says() -> None:
    pipeline = Pipeline.from_yaml(PIPELINE, profile="sim")
    report = pipeline.run_sync(text="When do you open on Monday?", clock="simulated")
    turn = report.turns[-1]
    assert [(call.name, call.arguments) for call in turn.tool_calls] == [("opening_hours", {"day": "Monday"})]
    assert turn.agent == "On Monday we are open from 8 to 6."
    assert turn.heard == turn.agent, "the caller heard it to its end"
