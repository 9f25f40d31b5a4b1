from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.support.cli import pipeline
from tests.support.comparisons import call
from tests.support.plans import conversations, plan, variant
from voicepipe.compare.collected import comparison

CALLS = conversations(names=["the time comes from the tool", 'a "stop" always works'])
PLAN = replace(
    plan([variant("a"), variant("b", section="aside", clock="real", server="realtime")], CALLS, 2),
    left_out={"b": "there is no key"},
)


def test_it_has_what_the_plan_says_of_variants_and_calls() -> None:
    found = comparison(PLAN, [], began="2026-11-23T10:00:00+00:00", unfinished="the money was spent")
    a, b = found.variants
    assert (a.name, a.clock, a.section, a.stand_in, a.left_out) == ("a", "simulated", "", False, None)
    assert a.stages == {"vad": "energy", "stt": "sim", "llm": "sim", "tts": "sim"}
    assert (b.section, b.stand_in, b.left_out) == ("aside", True, "there is no key")
    assert [(one.name, one.kind) for one in found.calls] == [(one.name, "conversation") for one in CALLS]
    assert (found.title, found.repetitions, found.tools, found.history, found.seed) == (
        PLAN.title,
        2,
        "stubs",
        "free",
        1,
    )
    assert found.environment.began == "2026-11-23T10:00:00+00:00"
    assert found.unfinished == "the money was spent"


def test_the_order_in_which_calls_were_held_leaves_no_trace() -> None:
    held = [call(run.variant.name, run.call.name, run.repetition) for run in PLAN.runs]
    whole, reverse = (
        comparison(PLAN, order, began="now", unfinished=None) for order in (held, list(reversed(held)))
    )
    assert whole == reverse
    assert len(whole.measured) == 8


def test_where_on_this_computer_anything_lies_is_not_told(tmp_path: Path) -> None:
    path, home = pipeline(tmp_path), Path.home()
    made = plan([replace(variant("a", path), what=str(path))], CALLS)
    broken = call("a", CALLS[0].name, error=f"{tmp_path}/clip.wav is gone")
    left = replace(made, left_out={"a": f"no {tmp_path}/voice.onnx, looked in {home}/.cache"})
    found = comparison(left, [broken], began="now", unfinished=None)
    assert found.variants[0].what == "./pipeline.yaml"
    assert found.variants[0].left_out == "no ./voice.onnx, looked in ~/.cache"
    assert found.measured[0].error == "./clip.wav is gone"


def test_it_began_with_the_first_call_also_if_that_was_kept_from_another_day() -> None:
    held = [
        call("a", CALLS[0].name, began="2026-11-23T10:00:00+00:00"),
        call("a", CALLS[1].name, began="2026-11-25T10:00:00+00:00"),
    ]
    found = comparison(PLAN, held, began="2026-11-25T09:59:59+00:00", unfinished=None)
    assert found.environment.began == "2026-11-23T10:00:00+00:00"
