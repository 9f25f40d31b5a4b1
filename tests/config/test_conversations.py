from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from tests.config.fakes import ROOT, one, problems
from voicepipe.config.conversations import (
    ConversationTest,
    Percentiles,
    Step,
    StepExpectation,
    Totals,
    User,
    Wording,
)
from voicepipe.core.check import fields_of

GUIDE = ROOT / "docs" / "conversation-tests.md"


def said(folder: Path, step: str, rest: str = "") -> str:
    """What is told of a test with this step."""
    text = f"voicepipe: 1\nstages: {{tts: piper}}\ntests: [{{name: x, steps: [{step}]{rest}}}]\n"
    return one(problems(folder, text)).message


@pytest.mark.parametrize(
    "step",
    [
        "{user: {say: hi}}",
        "{user: {type: hi, while: agent_speaking}}",
        "{user: {say: hi, while: agent_speaking, at: 1200ms}}",
        "{wait: 2s}",
        "{expect: {tool: find, args: {day: thursday, n: 3}}}",
        "{expect: {says: 10, heard: {matches: '^a.c$'}}}",
        "{user: {noise: 400ms, while: agent_speaking}}",
        "{expect: {ignored: true, paused_at_most: 800ms, dead_air: false}}",
        "{expect: {ignored: backchannel, dead_air: llm}}",
        "{expect: {silent_within: 300ms, heard_only: true, interrupted: false, no_reply: true, state: idle}}",
    ],
)
def test_what_the_guide_describes_is_taken(tmp_path: Path, step: str) -> None:
    text = f"voicepipe: 1\nstages: {{tts: piper}}\ntests: [{{name: x, steps: [{step}]}}]\n"
    assert problems(tmp_path, text) == []


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            "{user: {say: a, type: b}}",
            "expected 'say' or 'audio' or 'type' or 'noise', found 'say' and 'type'",
        ),
        ("{user: {}}", "expected 'say' or 'audio' or 'type' or 'noise', found none of them"),
        ("{user: {noise: cough}}", "expected a duration"),
        ("{user: {noise: 0s}}", "0s"),
        ("{user: {noise: 1m}}", "10s"),
        ("{user: {sya: a}}", "unknown key 'sya'. Did you mean 'say'?"),
        ("{user: {say: a, at: 1s}}", "'at' counts from the agent's first sound"),
        ("{user: {say: a, words: b}}", "'words' tells what is said in an 'audio'"),
        ("{user: {say: a, while: agent_speking}}", "Did you mean 'agent_speaking'?"),
        ("{user: {say: a}, wait: 1s}", "expected 'user' or 'wait' or 'expect', found 'user' and 'wait'"),
        ("{wiat: 1s}", "unknown key 'wiat'. Did you mean 'wait'?"),
        ("{wait: 3}", "a duration needs a unit"),
        ("{expect: {}}", "nothing is expected here"),
        ("{expect: {args: {a: 1}}}", "'args' are those of a 'tool'"),
        ("{expect: {says: {matches: '('}}}", "expected a regular expression"),
        ("{expect: {says: {contains: a, matches: a}}}", "expected 'contains' or 'matches'"),
        ("{expect: {state: speking}}", "'speaking'"),
        ("{expect: {heard_only: false}}", "'heard_only' can only be true"),
        ("{expect: {ignored: backchanel}}", "Did you mean 'backchannel'?"),
        ("{expect: {ignored: 3}}", "'backchannel'"),
        ("{expect: {paused_at_most: 300}}", "a duration needs a unit"),
        ("{expect: {sielnt_within: 1s}}", "Did you mean 'silent_within'?"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(tmp_path: Path, step: str, message: str) -> None:
    assert message in said(tmp_path, step)


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("{cost_usd: cheap}", "expected a number, or a condition such as '<= 3'"),
        ("{voice_to_voice: {p95: 1s}}", "expected a condition such as '< 1s', found '1s'"),
        ("{voice_to_voice: {}}", "expected conditions for p50, p90, p95 or p99"),
        ("{voice_to_voice: {p98: '< 1s'}}", "unknown key 'p98'"),
        ("{llm_calls: few}", "expected a number, or a condition such as '<= 3', found 'few'"),
    ],
)
def test_a_total_that_makes_no_sense_is_refused(tmp_path: Path, expect: str, message: str) -> None:
    assert message in said(tmp_path, "{wait: 1s}", f", expect: {expect}")


def test_a_test_has_steps(tmp_path: Path) -> None:
    assert said(tmp_path, "") == "expected 1 to 200 steps, found none"
    assert said(tmp_path, ", ".join(["{wait: 1s}"] * 201)) == "expected 1 to 200 steps, found 201"


@pytest.mark.parametrize(
    ("stub", "message"),
    [
        ("{result: 1, error: x}", "a stub has a result or an error, not both"),
        ("{result: 1, delay: 2}", "a duration needs a unit"),
    ],
)
def test_a_stub_that_makes_no_sense_is_refused(tmp_path: Path, stub: str, message: str) -> None:
    text = f"voicepipe: 1\nstages: {{tts: piper}}\ntool_results: {{find: {stub}}}\n"
    assert message in one(problems(tmp_path, text)).message
    assert message in said(tmp_path, "{wait: 1s}", f", tool_results: {{find: {stub}}}")


@pytest.mark.parametrize("text", ["Half past  TEN", "it's half\npast ten."])
def test_a_text_is_found_whatever_its_case_and_spaces(text: str) -> None:
    assert Wording(contains="half past ten").found_in(text)
    assert not Wording(contains="half past eleven").found_in(text)


def test_a_regular_expression_is_found() -> None:
    assert Wording(matches="half past (ten|11)").found_in("Half past 11")
    assert not Wording(matches="^past").found_in("half past 11")


def keys(model: type[BaseModel]) -> set[str]:
    return set(fields_of(model))


@pytest.mark.parametrize("model", [ConversationTest, Step, User, StepExpectation, Totals, Percentiles])
def test_every_key_of_a_test_is_in_the_guide(model: type[BaseModel]) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    shown = text[text.index("<!-- generated: test keys -->") :]
    places = ("`{}`", "`voice_to_voice.{}`", "`{}` of a test")
    absent = {key for key in keys(model) if not any(place.format(key) in text for place in places)}
    assert absent == set()
    assert all(f"`{key}`" in shown for key in keys(StepExpectation) | keys(Totals))
