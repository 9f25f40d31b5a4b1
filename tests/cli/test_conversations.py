from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.cli import pipeline
from voicepipe.audio.wav import write_wav
from voicepipe.cli.conversations import Tools, Verdict, hold_all, make_cases
from voicepipe.config.load import load_tests
from voicepipe.core.clock import ClockName
from voicepipe.errors import AudioError, ConfigErrors

TOOLS = """\
from voicepipe import tool

@tool
def book(day: str) -> str:
    "Book a slot."
    with open(FILE, "a") as file:
        file.write(day)
    return "booked for " + day
"""
TOP = """\
voicepipe: 1
agent: {prompt: x, greeting: Hello there., tools: [./tools.py, {builtin: end_call}]}
stages:
  vad: energy
  stt: {use: sim, texts: [from the list]}
  llm:
    use: sim
    replies:
      - {when: book, call: {book: {day: Monday}}}
      - {when: bye, call: {end_call: {}}, say: Goodbye.}
      - {when: break, say: "{result", call: {}}
      - You said something.
  tts: sim
tests:
"""


def verdicts(
    folder: Path, tests: str, *, tools: Tools = "stubs", clock: ClockName | None = None
) -> list[Verdict]:
    (folder / "tools.py").write_text(f"FILE = {str(folder / 'done')!r}\n{TOOLS}")
    return list(hold_all(make_cases(load_tests(pipeline(folder, TOP + tests)), clock), tools))


def verdict(folder: Path, steps: str, rest: str = "", *, tools: Tools = "stubs") -> Verdict:
    (found,) = verdicts(folder, f"  - {{name: a test, steps: [{steps}]{rest}}}\n", tools=tools)
    return found


BOOK = "{user: {say: book it}}, {expect: {tool: book, args: {day: monday}}}"


def test_a_tool_answers_what_its_stub_says_and_is_not_executed(tmp_path: Path) -> None:
    found = verdict(tmp_path, BOOK + ", {expect: {says: full}}", ", tool_results: {book: full}")
    assert found.passed
    assert not (tmp_path / "done").exists()


def test_a_tool_without_a_stub_breaks_the_test_which_names_it(tmp_path: Path) -> None:
    found = verdict(tmp_path, BOOK)
    assert not found.passed
    assert found.error == "'book' was called, and there is no stub: say in tool_results what it answers"
    assert not (tmp_path / "done").exists()


def test_tools_are_executed_only_on_demand(tmp_path: Path) -> None:
    assert verdict(tmp_path, BOOK + ", {expect: {says: booked for Monday}}", tools="live").passed
    assert (tmp_path / "done").read_text() == "Monday"


def test_a_delay_of_a_stub_takes_its_time(tmp_path: Path) -> None:
    stub = "tool_results: {book: {result: 1, delay: 3s}}"
    assert verdict(tmp_path, BOOK, f", {stub}, expect: {{voice_to_voice: {{p50: '> 3s'}}}}").passed


def test_the_greeting_is_judged_before_the_caller_speaks(tmp_path: Path) -> None:
    steps = "{expect: {says: hello there, heard: Hello there, state: idle}}, {user: {type: hi}}"
    found = verdict(tmp_path, steps, ", expect: {turns: 1}")
    assert found.passed, found.misses


def test_an_agent_that_hangs_up_before_the_steps_are_over_has_missed_them(tmp_path: Path) -> None:
    found = verdict(tmp_path, "{user: {say: bye}}, {user: {say: wait}}, {expect: {says: something}}")
    assert [(miss.path, miss.found) for miss in found.misses] == [(("steps", 1), "the call had ended")]


def test_end_call_needs_no_stub(tmp_path: Path) -> None:
    assert verdict(tmp_path, "{user: {say: bye}}, {expect: {tool: end_call, heard: goodbye}}").passed


def recording(folder: Path, *, silent: bool = False) -> None:
    chance = np.random.default_rng(1)
    pcm = (chance.standard_normal(16_000) * (0 if silent else 3000)).astype(np.int16)
    write_wav(folder / "a.wav", pcm, 16_000)


@pytest.mark.parametrize(
    ("words", "turns"),
    [("", 1), (", words: some words", 1), (", words: ''", 0)],
    ids=["none", "some", "noise"],
)
def test_a_recording_is_heard_by_its_words(tmp_path: Path, words: str, turns: int) -> None:
    recording(tmp_path)
    found = verdict(tmp_path, f"{{user: {{audio: a.wav{words}}}}}", f", expect: {{turns: {turns}}}")
    assert found.passed, found.misses
    assert found.evidence is not None
    said = [turn.user for turn in found.evidence.report.turns if turn.user]
    assert said == {"": ["from the list"], ", words: some words": ["some words"]}.get(words, [])


def test_a_noise_is_heard_and_has_no_words(tmp_path: Path) -> None:
    into = "{noise: 300ms, while: agent_speaking}"
    steps = f"{{user: {{say: hi}}}}, {{user: {into}}}, {{expect: {{ignored: no_words, no_reply: true}}}}"
    found = verdict(tmp_path, steps, ", expect: {turns: 1, ignored: 1}")
    assert found.passed, (found.error, found.misses)


def test_a_recording_without_a_sound_is_refused(tmp_path: Path) -> None:
    recording(tmp_path, silent=True)
    with pytest.raises(AudioError, match="is silent"):
        verdict(tmp_path, "{user: {audio: a.wav}}")


BROKEN = """\
from voicepipe import LlmProvider

class Broken(LlmProvider):
    name = "broken"

    async def generate(self, call, messages, tools):
        raise RuntimeError("a fault of its own")
        yield
"""


def test_a_conversation_that_breaks_leaves_the_others_alone(tmp_path: Path) -> None:
    (tmp_path / "broken_llm.py").write_text(BROKEN)
    say = "steps: [{user: {type: hi}}]"
    tests = f"  - {{name: a, profile: broken, {say}}}\n  - {{name: b, {say}}}\n"
    profile = "profiles: {broken: {stages: {llm: 'broken_llm:Broken'}}}\n"
    broken, fine = verdicts(tmp_path, tests + profile)
    assert broken.error == "RuntimeError: a fault of its own"
    assert list(broken.transcript()) == []
    assert fine.passed


def test_tests_of_one_profile_share_their_pipeline(tmp_path: Path) -> None:
    say = "steps: [{user: {type: hi}}]"
    one, other = verdicts(tmp_path, f"  - {{name: a, {say}}}\n  - {{name: b, {say}}}\n")
    assert one.case.pipeline is other.case.pipeline


def test_neighbours_on_the_real_clock_share_their_models(tmp_path: Path) -> None:
    tests = "".join(f"  - {{name: t{n}, steps: [{{expect: {{says: hello}}}}]}}\n" for n in range(2))
    found = verdicts(tmp_path, tests, clock="real")
    assert [one.passed for one in found] == [True, True]
    sessions = [one.evidence.report.clock for one in found if one.evidence]
    assert sessions == ["real", "real"]


def test_a_transcript_ends_where_something_was_missed(tmp_path: Path) -> None:
    found = verdict(tmp_path, "{user: {type: one}}, {expect: {says: x}}, {user: {type: two}}")
    users = [getattr(event, "user", None) for _, event in found.transcript()]
    assert "one" in users
    assert "two" not in users


def test_problems_of_all_tests_are_told_at_once(tmp_path: Path) -> None:
    tests = "  - {name: a, vars: {x: 1}, steps: [{expect: {tool: bok}}]}\n"
    with pytest.raises(ConfigErrors) as caught:
        verdicts(tmp_path, tests)
    assert len(caught.value.errors) == 2
