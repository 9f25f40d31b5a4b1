from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import SIM, pipeline
from tests.support.without import site_without, spawn_with
from voicepipe.compare.calls import CallFinder
from voicepipe.compare.plan import Plan, Scripted
from voicepipe.compare.planning import Terms, choose_clock, clock_problems, plan_of, without_stub
from voicepipe.compare.variants import load_all, wanted
from voicepipe.config.comparison import read_comparison
from voicepipe.errors import ConfigErrors, SetupError, UsageError
from voicepipe.transports.conversation import Utterance
from voicepipe.transports.wav import Typed

CALLS = [Scripted(name, "conversation", [Utterance(Typed("hello"))], 0) for name in ("a", "b", "c")]


def plan(
    folder: Path, *variants: str, text: str = SIM, calls: list[Scripted] = CALLS, **others: Any
) -> tuple[Plan, list[str]]:
    told: list[str] = []
    found = wanted(pipeline(folder, text), variants=variants, profiles=("loud",))
    terms = Terms("made for a test", {"": calls}, {"": others.pop("clock", None)}, **others)
    return plan_of(terms, found, load_all(found, code="run"), told.append), told


# ── the order ────────────────────────────────────────────────────────────────────────────────────


def test_each_round_holds_every_call_once_on_every_variant_in_an_order_of_its_own(tmp_path: Path) -> None:
    found, _ = plan(tmp_path, "loud", repetitions=3)
    rounds = [found.runs[start : start + 6] for start in (0, 6, 12)]
    every = {(name, call) for name in ("default", "loud") for call in "abc"}
    orders = [[(run.variant.name, run.call.name) for run in one] for one in rounds]
    assert [{run.repetition for run in one} for one in rounds] == [{0}, {1}, {2}]
    assert [set(order) for order in orders] == [every] * 3
    assert orders[0] != orders[1]


def test_the_order_is_that_of_the_seed(tmp_path: Path) -> None:
    def order(seed: int) -> list[tuple[str, str]]:
        runs = plan(tmp_path, "loud", repetitions=4, seed=seed)[0].runs
        return [(run.variant.name, run.call.name) for run in runs]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_a_section_has_calls_of_its_own(tmp_path: Path) -> None:
    pipeline(tmp_path)
    text = "voicepipe_compare: 1\npipeline: pipeline.yaml\nsections: [{title: apart, variants: {x: {}}}]\n"
    declared = read_comparison(pipeline(tmp_path, text, "compare.yaml"))
    found = wanted(declared.file.pipeline, declared=declared)
    terms = Terms("t", {"": CALLS[:2], "apart": CALLS[2:]}, {"apart": "charged"})
    made = plan_of(terms, found, load_all(found, code="run"), lambda sentence: None)
    held = {(run.variant.name, run.call.name, run.variant.clock) for run in made.runs}
    assert held == {
        ("default", "a", "simulated"),
        ("default", "b", "simulated"),
        ("x", "c", "charged"),
    }
    assert [call.name for call in made.calls] == ["a", "b", "c"]


def test_there_is_an_end_to_calls(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found 20001 calls to be held, expected at most 20000"):
        plan(tmp_path, calls=CALLS[:1], repetitions=20_001)


def test_a_variant_that_differs_in_nothing_is_told(tmp_path: Path) -> None:
    assert "'x' is the same as 'default'; both are measured" in plan(tmp_path, "x=stages.llm=sim")[1]


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("variant", "clock", "why"),
    [
        ("x=stages.vad=energy", "simulated", "simulated"),
        ("x=stages.tts=espeak", "charged", "on this computer"),
        (
            "x=stages.llm={use: openai/m, base_url: 'http://localhost:1/v1'}",
            "real",
            "stages.llm of 'x' (openai/m) needs it",
        ),
        (
            "x=stages.llm.fallback=[{use: openai/m, base_url: 'http://localhost:1/v1'}]",
            "real",
            "stages.llm.fallback.0 of 'x'",
        ),
    ],
)
def test_the_clock_is_one_on_which_all_can_be_measured(
    tmp_path: Path, variant: str, clock: str, why: str
) -> None:
    found = wanted(pipeline(tmp_path), variants=[variant])
    chosen, because = choose_clock(load_all(found, code="run").variants)
    assert chosen == clock
    assert why in because


def test_a_clock_that_was_given_is_taken_and_another_one_is_told(tmp_path: Path) -> None:
    assert plan(tmp_path, clock="charged")[1] == []
    found, told = plan(tmp_path)
    assert {variant.clock for variant in found.variants} == {"simulated"}
    assert told == ["on the simulated clock, since all that is compared is simulated"]


def test_what_cannot_be_held_on_the_clock_is_told_with_its_slot_and_its_variant(tmp_path: Path) -> None:
    remote = "x=stages.llm={use: openai/m, base_url: 'http://localhost:1/v1'}"
    with pytest.raises(UsageError, match=r"stages\.llm \(openai\) of 'x' talks to the outside world"):
        plan(tmp_path, remote, clock="charged")
    with pytest.raises(UsageError, match=r"stages\.tts \(espeak\) of 'y' works on this computer"):
        plan(tmp_path, "y=stages.tts=espeak", clock="simulated")


def test_tools_that_are_executed_and_talk_to_the_outside_world_need_the_real_clock(tmp_path: Path) -> None:
    schema = tmp_path / "find.json"
    schema.write_text(
        '{"name": "find", "description": "d", "parameters": {"type": "object", "properties": {}}}'
    )
    tool = "{http: 'https://crm.example.org/find', schema: find.json, side_effect: false}"
    text = SIM.replace("Be brief.", f"Be brief., tools: [{tool}]")
    found, told = plan(tmp_path, text=text, tools="live")
    assert {variant.clock for variant in found.variants} == {"real"}
    assert "tools of 'default' are executed" in told[0]
    with pytest.raises(UsageError, match="tools of 'default' talk to the outside world"):
        plan(tmp_path, text=text, tools="live", clock="charged")
    assert plan(tmp_path, text=text)[0].variants[0].clock == "simulated"


def test_on_the_real_clock_everything_can_be_held(tmp_path: Path) -> None:
    found = wanted(pipeline(tmp_path), variants=["x=stages.tts=espeak"])
    assert [list(clock_problems(one)) for one in load_all(found, code="run").variants] == [[], []]


# ── what can be known before ─────────────────────────────────────────────────────────────────────


def test_a_variant_for_which_a_model_is_missing_is_an_error_unless_it_is_optional(tmp_path: Path) -> None:
    whisper = "x=stages.stt={use: faster-whisper, model: ./nowhere}"
    with pytest.raises(SetupError, match=r"'x' can't be held here: stages\.stt"):
        plan(tmp_path, whisper)
    found, _ = plan(tmp_path, whisper, optional=["x"])
    assert list(found.left_out) == ["x"]
    assert "nowhere" in found.left_out["x"]
    assert {run.variant.name for run in found.runs} == {"default"}
    assert [variant.name for variant in found.variants] == ["default", "x"]


def test_one_whose_code_cannot_be_imported_is_left_out_too(tmp_path: Path) -> None:
    found, _ = plan(tmp_path, "x=stages.tts='nowhere:Voice'", optional=["x"])
    assert "nowhere" in found.left_out["x"]


def test_a_package_that_is_missing_is_told_before_anything_is_held(tmp_path: Path) -> None:
    site = site_without(tmp_path, {"espeakng_loader"})
    path = pipeline(tmp_path, SIM)
    tests = pipeline(tmp_path, "tests: [{name: one, steps: [{user: {type: hello}}]}]\n", "tests.yaml")
    variant = "x=stages.tts=espeak"
    done = spawn_with(site, "compare", path, "--calls", tests, "--variant", variant, cwd=tmp_path)
    assert done.status == 3
    assert "'x' can't be held here: stages.tts (espeak): the package 'espeakng_loader'" in done.err


def test_calls_that_the_first_variant_cannot_take_are_told_at_their_place(tmp_path: Path) -> None:
    text = "tests: [{name: one, steps: [{user: {type: a}}, {expect: {tool: pay}}]}]\n"
    tests = pipeline(tmp_path, text, "tests.yaml")
    found = wanted(pipeline(tmp_path))
    loaded = load_all(found, code="run")
    calls = CallFinder(loaded.baseline, "free", "run", lambda sentence: None).find([tests])
    with pytest.raises(ConfigErrors, match=r"tests\.yaml:1:\d+: there is no tool 'pay'"):
        plan_of(Terms("t", {"": calls}, {}), found, loaded, lambda sentence: None)


def test_a_variable_that_a_variant_needs_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'x', in the call 'a': a value is missing for name"):
        plan(tmp_path, "x=agent.variables={name: {required: true}}")


def test_a_fused_model_cannot_be_given_the_history_of_a_recording(tmp_path: Path) -> None:
    text = SIM + "  fused: {stages: {realtime: openai/gpt-realtime-2.1}}\n"
    found = wanted(pipeline(tmp_path, text), variants=["fused"], profiles=["fused"])
    call = Scripted("a", "recorded", CALLS[0].script, 0, remembered=((), ()))
    terms = Terms("t", {"": [call]}, {}, history="recorded")
    with pytest.raises(UsageError, match="'fused' has a fused model"):
        plan_of(terms, found, load_all(found, code="run"), lambda sentence: None)


def test_tools_without_a_stub_are_named_unless_they_are_live(tmp_path: Path) -> None:
    tools = SIM.replace("Be brief.", "Be brief., tools: [{builtin: current_time}, {builtin: end_call}]")
    assert without_stub(plan(tmp_path, text=tools)[0]) == ["current_time"]
    assert without_stub(plan(tmp_path, text=tools, tools="live")[0]) == []
    assert without_stub(plan(tmp_path, text=tools + "tool_results: {current_time: 1}\n")[0]) == []
