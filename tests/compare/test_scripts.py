from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import pipeline
from voicepipe.compare.scripts import problems_of, script_of, tool_names
from voicepipe.config.load import LoadedPipeline, load_pipeline
from voicepipe.core.units import SECOND
from voicepipe.errors import AudioError, ConfigError
from voicepipe.transports.conversation import Look, Pause, Utterance
from voicepipe.transports.wav import Clip, Typed

TOP = """\
voicepipe: 1
agent:
  variables: {name: {required: true}}
  tools: [{builtin: current_time}]
stages: {vad: sim, stt: sim, llm: sim, tts: sim}
tests:
  - name: one
    steps:
"""


def loaded(folder: Path, *steps: str, end: str = "") -> LoadedPipeline:
    return load_pipeline(pipeline(folder, TOP + "".join(f"      - {step}\n" for step in steps) + end))


def problems(of: LoadedPipeline, vars: dict[str, str] | None = None) -> list[ConfigError]:
    return list(problems_of(of.tests[0], of, tool_names(of), vars))


def test_each_step_is_an_item_of_the_script(tmp_path: Path) -> None:
    steps = (
        "user: {say: hello there}",
        "expect: {no_reply: false}",
        "wait: 2s",
        "user: {type: and now, while: agent_speaking, at: 1s}",
        "user: {noise: 300ms, while: agent_speaking}",
    )
    script = script_of(loaded(tmp_path, *steps).tests[0].test, "en-US")
    said, look, pause, typed, noise = script
    assert (look, pause) == (Look(), Pause(2 * SECOND))
    assert typed == Utterance(Typed("and now"), SECOND)
    assert isinstance(said, Utterance)
    assert isinstance(said.what, Clip)
    assert " ".join((said.what.captions or {}).values()) == "hello there"
    assert isinstance(noise, Utterance)
    assert (noise.into_ns, isinstance(noise.what, Clip)) == (0, True)


def test_a_clip_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no audio")
    with pytest.raises(AudioError, match=r"a\.wav"):
        script_of(loaded(tmp_path, "user: {audio: a.wav}").tests[0].test, "en-US")


def test_what_the_pipeline_cannot_take_is_told_at_its_place(tmp_path: Path) -> None:
    of = loaded(tmp_path, "user: {say: a}", "expect: {tool: curent_time}", end="    tool_results: {pay: 1}\n")
    told = [str(error).partition("\n")[0].partition("pipeline.yaml:")[2] for error in problems(of)]
    assert told == [
        "7:5: a value is missing for name",
        "11:20: there is no tool 'pay'.",
        "10:18: there is no tool 'curent_time'. Did you mean 'current_time'?",
    ]


def test_variables_may_come_from_outside(tmp_path: Path) -> None:
    of = loaded(tmp_path, "user: {say: a}")
    assert len(problems(of)) == 1
    assert problems(of, {"name": "Ann"}) == []


def test_tools_are_known_by_their_names(tmp_path: Path) -> None:
    assert tool_names(loaded(tmp_path, "user: {say: a}")) == {"current_time"}
