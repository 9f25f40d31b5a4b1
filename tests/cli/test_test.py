from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.cli import pipeline, spawn, voicepipe
from tests.support.without import ROOT, site_without, spawn_with
from voicepipe.cli.files import shipped

TOP = """\
voicepipe: 1
agent:
  variables: {name: {default: there}}
  prompt: Be brief, {{name}}.
  tools: [{builtin: current_time}, {builtin: end_call}]
stages:
  vad: energy
  stt: sim
  llm:
    use: sim
    replies:
      - {when: time, call: {current_time: {}}, say: "It is {result.time}."}
      - {when: bye, call: {end_call: {}}, say: Goodbye.}
      - One two three four five six seven eight nine ten.
  tts: sim
profiles:
  mute: {stages: {llm: {use: sim, fail: {kind: internal}}}}
tool_results: {current_time: {time: "12:30"}}
tests:
"""
GOOD = """\
  - name: the time is told
    steps:
      - user: {say: what time is it}
      - expect: {tool: current_time, says: "12:30"}
"""
BAD = """\
  - name: a number is told
    steps:
      - user: {say: hello}
      - expect: {says: eleven}
      - user: {say: hello again, while: agent_speaking, at: 1s}
      - expect: {interrupted: true, silent_within: 1ms}
    expect: {turns: 3}
"""


def test_the_shipped_tests_pass_and_say_what_they_show(capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "test", shipped("sim.yaml"))
    assert (done.status, done.out) == (0, "")
    assert "passed  an interruption is answered, and the history keeps what was heard" in done.err
    held = done.err.count("passed  ")
    assert held >= 10
    assert f"{held} passed, on the simulated clock" in done.err
    assert "The model is 'sim', a script: this shows wiring, timing and money, not intelligence." in done.err


def test_the_shipped_tests_pass_where_espeak_is_not_installed(tmp_path: Path) -> None:
    site = site_without(tmp_path, {"espeakng_loader"})
    done = spawn_with(site, "test", ROOT / "pipelines" / "sim.yaml", "--json", cwd=ROOT)
    assert (done.status, done.json["failed"]) == (0, 0)


def test_the_answer_is_the_same_each_time_whatever_is_chosen() -> None:
    one, other = (spawn("test", shipped("sim.yaml"), "--json", "-q").json["tests"] for _ in range(2))
    assert one == other
    chosen = spawn("test", shipped("sim.yaml"), "--json", "-q", "-k", "INTERRUPTION").json["tests"]
    assert chosen == [test for test in one if "interruption" in test["name"]]


def test_what_was_missed_is_told_with_its_line_and_the_conversation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pipeline(tmp_path, TOP + GOOD + BAD)
    done = voicepipe(capsys, "test", path)
    assert done.status == 1
    first = len((TOP + GOOD).splitlines()) + 4
    said = "One two three four five six seven eight nine ten."
    assert f"{path}:{first}:18: expected 'eleven', found '{said} {said}'" not in done.err
    assert f"{path}:{first}:18: expected 'eleven', found '{said}'" in done.err
    assert f"{path}:{first + 2}:37: expected silence 1ms after the caller's first sound, found" in done.err
    assert f"{path}:{first + 3}:14: expected turns: 3, found 2" in done.err
    assert "    caller hello again\n" in done.err
    assert "heard  One two" in done.err
    assert "1 passed, 1 failed" in done.err


def test_verdicts_are_printed_as_json_and_written_as_junit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, report = pipeline(tmp_path, TOP + GOOD + BAD), tmp_path / "report.xml"
    done = voicepipe(capsys, "test", path, "--json", "--junit", report)
    assert done.status == 1
    assert (done.json["passed"], done.json["failed"], done.json["scripted_model"]) == (1, 1, True)
    good, bad = done.json["tests"]
    assert good["passed"]
    assert good["turns"][0]["tool_calls"][0]["result"] == {"time": "12:30"}
    assert [missed["key"] for missed in bad["missed"]] == ["says", "silent_within", "turns"]
    assert bad["missed"][0]["line"] == len((TOP + GOOD).splitlines()) + 4
    (suite,) = ET.parse(report).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert suite[1].get("line") == str(len((TOP + GOOD).splitlines()) + 1)


def test_only_chosen_tests_are_held(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "test", pipeline(tmp_path, TOP + GOOD + BAD), "-k", "THE TIME", "-v")
    assert done.status == 0
    assert '    tool   current_time()\n           → {"time":"12:30"}\n' in done.err, "-v shows it"


@pytest.mark.parametrize(
    ("tests", "options", "message"),
    [
        (GOOD, ["-k", "nothing"], "no test has 'nothing' in its name"),
        ("  []", [], "has no tests"),
        (GOOD, ["absent.yaml"], "there is no file 'absent.yaml'"),
        (GOOD.replace("current_time", "curent_time"), [], "Did you mean 'current_time'?"),
        (GOOD + "    tool_results: {find: 1}\n", [], "there is no tool 'find'"),
        (GOOD + "    vars: {nmae: Ann}\n", [], "Did you mean 'name'?"),
        (GOOD + "    stesp: []\n", [], "unknown key 'stesp'. Did you mean 'steps'?"),
    ],
)
def test_a_wrong_file_or_command_is_told_before_anything_is_held(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tests: str, options: list[str], message: str
) -> None:
    done = voicepipe(capsys, "test", pipeline(tmp_path, TOP + tests), *options)
    assert done.status == 2
    assert message in done.err
    assert "passed" not in done.err


def test_engines_of_the_outside_world_are_refused_on_a_clock_that_does_not_wait(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pipeline(tmp_path, TOP + GOOD)
    model = "stages.llm={use: openai, model: m, base_url: 'http://localhost:9/v1'}"
    done = voicepipe(capsys, "test", path, "--set", model)
    assert done.status == 2
    assert "stages.llm (openai) can't run on the simulated clock" in done.err
    assert "--clock real" in done.err


def test_the_profile_decides_what_is_held(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "test", pipeline(tmp_path, TOP + GOOD), "-p", "mute", "--json")
    assert done.status == 1
    (test,) = done.json["tests"]
    assert test["profile"] == "mute"
    assert {missed["key"] for missed in test["missed"]} == {"tool", "says", "unanswered"}


def test_nothing_is_written_over_a_file_that_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pipeline(tmp_path, TOP + GOOD)
    assert voicepipe(capsys, "test", path, "--junit", path).status == 2
    assert path.read_text() == TOP + GOOD


def test_json_holds_no_more_than_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "test", pipeline(tmp_path, TOP + GOOD), "--json")
    assert json.loads(done.out)["tests"][0]["clock"] == "simulated"
