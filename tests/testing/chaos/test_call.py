"""Whole calls, on the real clock and side by side: what the caller hears when something is struck."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")

from voicepipe.api import RATE
from voicepipe.cli.files import shipped
from voicepipe.config.load import load_pipeline
from voicepipe.core.units import SECOND
from voicepipe.testing.chaos.call import Cell, Outcome, Rehearsal
from voicepipe.testing.chaos.ear import Words
from voicepipe.testing.chaos.talk import ANSWER, SORRY
from voicepipe.transports.wav import load_clip

FILE = """\
voicepipe: 1
agent: {tools: [{builtin: current_time}]}
stages:
  vad: energy
  stt: {use: sim, fallback: [openai/gpt-transcribe]}
  llm: {use: sim, fallback: [{use: sim, replies: [Somebody else answers.]}]}
  tts: sim
profiles:
  fused: {stages: {realtime: openai/gpt-realtime-2.1}}
  mute: {agent: {notices: {failed: ""}}, stages: {llm: {fallback: []}}}
  alone: {stages: {llm: {fallback: []}}}
"""
CALLS: dict[str, tuple[str | None, Cell]] = {
    "stt": (None, Cell("stt", "content_type")),
    "llm": ("alone", Cell("llm", "500")),
    "llm with a fallback": (None, Cell("llm", "garbage")),
    "llm without words for it": ("mute", Cell("llm", "500")),
    "tts": (None, Cell("tts", "reset")),
    "tools": (None, Cell("tools", "nan")),
    "realtime": ("fused", Cell("realtime", "reset")),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    file = tmp_path_factory.mktemp("chaos") / "pipeline.yaml"
    file.write_text(FILE)
    return asyncio.run(held(file))


async def held(file: Path) -> dict[str, Outcome]:
    clip = load_clip(shipped("questions/1_what_time_is_it.wav"), RATE)
    async with AsyncExitStack() as stack:
        calls = {}
        for name, (profile, cell) in CALLS.items():
            loaded = load_pipeline(file, profile=profile, env={"OPENAI_API_KEY": "x"})
            calls[name] = await stack.enter_async_context(Rehearsal(loaded, cell, clip))
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(call.hold()) for name, call in calls.items()}
        return {name: task.result() for name, task in tasks.items()}


def heard(outcome: Outcome) -> list[Words]:
    return [words for words in outcome.words if words.kind != "wait"]


def test_another_recogniser_takes_over_and_the_caller_is_answered(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["stt"]
    assert outcome.problems == []
    assert heard(outcome) == [Words("reply", "".join(ANSWER), True)]


def test_a_model_that_fails_is_apologised_for(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["llm"]
    assert outcome.problems == []
    assert [words.kind for words in heard(outcome)] == ["failed"]
    assert outcome.bound_ns == 4 * SECOND


def test_another_model_takes_over(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["llm with a fallback"]
    assert outcome.problems == []
    assert heard(outcome) == [Words("reply", "Somebody else answers.", True)]


def test_who_isnt_told_anything_is_told_so_in_the_table(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["llm without words for it"]
    assert "the caller was neither answered nor told why not" in outcome.problems


def test_a_voice_that_breaks_off_is_apologised_for_by_words_that_were_spoken_before(
    outcomes: dict[str, Outcome],
) -> None:
    outcome = outcomes["tts"]
    assert outcome.problems == []
    reply, apology = heard(outcome)
    assert (reply.kind, reply.whole, apology.kind) == ("reply", False, "failed")


def test_a_tool_that_answers_nonsense_is_told_to_the_model(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["tools"]
    assert outcome.problems == []
    assert heard(outcome) == [Words("reply", "".join(SORRY), True)]


def test_a_fused_model_that_is_cut_off_is_apologised_for(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["realtime"]
    assert outcome.problems == []
    assert [words.kind for words in heard(outcome)][-1] == "failed"


def test_the_first_sound_is_never_later_than_the_longest_silence_or_the_end(
    outcomes: dict[str, Outcome],
) -> None:
    for outcome in outcomes.values():
        if outcome.first_ns is not None:
            assert 0 < outcome.first_ns <= outcome.lasted_ns
            assert outcome.first_ns <= outcome.silent_ns + SECOND // 25


# ── the verdict ──────────────────────────────────────────────────────────────────────────────────

CELL = Cell("llm", "hang")
APOLOGY = Words("failed", "Sorry.", True)
PATIENCE = Words("wait", "One moment.", True)


@pytest.mark.parametrize(
    ("words", "explained"),
    [
        ([], False),
        ([PATIENCE], False),
        ([Words("reply", "It is noon.", True)], True),
        ([Words("reply", "It is", False)], False),
        ([Words("reply", "It is", False), APOLOGY], True),
        ([APOLOGY, PATIENCE], True),
        ([Words("failed", "Sor", False)], False),
        ([Words("reconnected", "I'm back.", True)], True),
        ([Words("meanwhile", "Let me look.", True)], False),
    ],
)
def test_a_call_ends_well_with_an_answer_or_a_reason(words: list[Words], explained: bool) -> None:
    assert Outcome(cell=CELL, words=tuple(words)).explained is explained


def test_a_silence_that_is_too_long_is_a_problem_even_if_it_is_explained() -> None:
    outcome = Outcome(cell=CELL, words=(APOLOGY,), silent_ns=5 * SECOND, bound_ns=4 * SECOND)
    assert outcome.problems == ["silence of 5.00 s, 4 s are allowed"]


def test_a_call_that_broke_has_that_problem_alone() -> None:
    assert Outcome(cell=CELL, error="the call broke: it did").problems == ["the call broke: it did"]
