from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Outcome, pipeline, voicepipe

TOP = """\
voicepipe: 1
agent: {prompt: Be brief., tools: [{builtin: current_time}]}
stages:
  vad: energy
  stt: sim
  llm: {use: sim, first_token: 200ms, replies: ["Well, let me see."]}
  tts: sim
profiles:
  slow: {stages: {llm: {use: sim, first_token: 900ms, replies: ["Well, let me see."]}}}
tool_results: {current_time: {time: "12:30"}}
"""
TESTS = """\
tests:
  - {name: hello, steps: [{user: {say: hello there}}, {expect: {says: see}}]}
  - {name: typed, steps: [{user: {type: and now}}]}
"""


class Desk:
    """A folder with a pipeline and two calls, and the command in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.pipeline = pipeline(folder, TOP)
        self.calls = pipeline(folder, TESTS, "calls.yaml")

    def compare(self, *argv: str | Path, target: Path | None = None) -> Outcome:
        work = ("--work", self.folder / "work")
        return voicepipe(self._capsys, "compare", target or self.pipeline, *argv, *work)

    def __call__(self, *argv: str | Path) -> Outcome:
        return self.compare("--calls", self.calls, *argv)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_figures_are_on_standard_output_and_what_people_want_to_know_on_standard_error(desk: Desk) -> None:
    done = desk("--variant", "slow", "-n", "2")
    assert done.status == 0
    assert "slow answers" in done.out or "slow answered" in done.out
    assert "voice to voice p50" in done.out
    clock, calls, long = done.err.splitlines()[:3]
    assert clock == "on the simulated clock, since all that is compared is simulated"
    assert calls == "8 calls to be held: 2 on each of 2 variants, 2 times each"
    assert re.fullmatch(r"about 3\d s of calls; nobody sends a bill for them", long)


def test_the_figures_are_one_json_object(desk: Desk) -> None:
    done = desk("--variant", "slow", "--vary", "stages.llm.first_token=1ms,2ms", "--json", "-q")
    assert (done.status, done.err) == (0, "")
    names = [variant["name"] for variant in done.json["variants"]]
    assert names == ["default", "slow", "first_token=1ms", "first_token=2ms"]
    medians = [variant["voice_to_voice"]["p50"]["ms"] for variant in done.json["variants"]]
    assert medians[1] - medians[0] == pytest.approx(700, abs=25)


def test_the_report_is_one_file_that_is_asked_for(desk: Desk) -> None:
    report = desk.folder / "report.html"
    done = desk("--output", report, "--no-audio")
    assert f"The report is in {report}" in done.err
    assert report.read_text().startswith("<!doctype html>")
    assert not list((desk.folder / "work").glob("*.wav"))


def test_the_report_of_a_redacted_comparison_has_no_words(desk: Desk) -> None:
    desk("--output", desk.folder / "open.html")
    assert "let me see" in (desk.folder / "open.html").read_text()
    assert list((desk.folder / "work").glob("*.wav"))
    desk("--output", desk.folder / "redacted.html", "--redact")
    assert "let me see" not in (desk.folder / "redacted.html").read_text()


def test_what_was_held_is_kept_until_it_is_held_afresh(desk: Desk) -> None:
    first = desk("--json")
    again = desk("--json")
    assert "2 of them were held before and are kept" in again.err
    assert again.json["variants"] == first.json["variants"]
    assert "were held before" not in desk("--fresh").err


def test_a_comparison_file_is_the_same_as_its_options(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.folder)
    text = "voicepipe_compare: 1\npipeline: pipeline.yaml\ncalls: [calls.yaml]\naudio: false\n"
    pipeline(desk.folder, text + "variants: {slow: {profile: slow}}\n", "compare.yaml")
    typed = desk("--variant", "slow", "--json").json
    declared = desk.compare("--json", target=desk.folder)
    assert declared.json["variants"] == typed["variants"]
    assert "The report is in voicepipe-report.html" in declared.err
    assert (desk.folder / "voicepipe-report.html").is_file()


def test_a_condition_that_does_not_hold_is_an_exit_status(desk: Desk) -> None:
    held = desk("--variant", "slow", "--fail-on", "default.voice_to_voice.p50 < slow.voice_to_voice.p50")
    assert held.status == 0
    done = desk("--variant", "slow", "--fail-on", "slow.voice_to_voice.p50 < 500ms", "-q")
    assert done.status == 1
    assert done.err.startswith("missed: slow.voice_to_voice.p50 < 500ms: slow.voice_to_voice.p50 is ")


def test_a_condition_that_cannot_be_read_is_told_before_anything_is_held(desk: Desk) -> None:
    done = desk("--fail-on", "slow.errors == 0")
    assert done.status == 2
    assert "there is no variant 'slow'" in done.err
    assert not (desk.folder / "work").exists()


def test_an_objective_of_the_pipeline_that_is_missed_is_an_exit_status(desk: Desk) -> None:
    slo = 'slo: {voice_to_voice: {p50: "< 1ms"}, min_count: 1}\n'
    pipeline(desk.folder, TOP + slo)
    done = desk("-q")
    assert done.status == 1
    assert "missed: default: voice_to_voice.p50" in done.err


def test_objectives_that_too_few_measurements_were_made_for_are_told(desk: Desk) -> None:
    pipeline(desk.folder, TOP + 'slo: {voice_to_voice: {p50: "< 1ms"}, min_count: 20}\n')
    done = desk("--variant", "slow")
    assert done.status == 0
    assert "warning: 2 of 2 objectives couldn't be judged: default: voice_to_voice.p50 < 1ms" in done.err
    assert "slo.min_count is 20" in done.err


def test_no_more_money_is_spent_than_is_allowed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "made-up")
    text = TOP.partition("  llm:")[0] + "  llm: openai/gpt-6-luna\n  tts: sim\n"
    pipeline(desk.folder, text)
    done = desk("--max-usd", "0.000001", "--yes")
    assert done.status == 4
    assert "on the real clock, since stages.llm of 'default' (openai/gpt-6-luna) needs it" in done.err
    assert "not all calls were held: 0 of 0.000001 USD were spent" in done.err
    asked = desk("--max-usd", "1")
    assert asked.status == 2
    assert "--yes spends it" in asked.err


def test_a_variant_on_which_no_call_could_be_held_is_an_exit_status(desk: Desk) -> None:
    pipeline(desk.folder, TOP.replace('tool_results: {current_time: {time: "12:30"}}\n', ""))
    replies = "[{when: hello, call: {current_time: {}}, say: yes}]"
    one = pipeline(desk.folder, "tests: [{name: a, steps: [{user: {say: hello}}]}]\n", "one.yaml")
    calls = ("--calls", one, "--variant", f"x=stages.llm={{use: sim, replies: {replies}}}")
    done = desk.compare(*calls)
    assert done.status == 1
    assert "'a' on 'x' couldn't be held: 'current_time' was called, and there is no stub" in done.err
    assert done.err.endswith("no call could be held on x\n")


def test_a_tool_that_nobody_has_an_answer_for_is_named(desk: Desk) -> None:
    pipeline(desk.folder, TOP.replace('tool_results: {current_time: {time: "12:30"}}\n', ""))
    assert "no stub in tool_results for current_time" in desk().err


def test_the_output_is_never_a_file_that_is_read(desk: Desk) -> None:
    done = desk("--output", desk.pipeline)
    assert done.status == 2
    assert "is read by this very call" in done.err
    calls = desk.calls.read_text()
    done = desk("--output", desk.calls)
    assert (done.status, desk.calls.read_text()) == (2, calls)


def test_a_report_in_the_folder_of_the_calls_is_refused_before_anything_is_held(desk: Desk) -> None:
    folder = desk.folder / "calls"
    folder.mkdir()
    desk.calls.rename(folder / "calls.yaml")
    done = desk.compare("--calls", folder, "--output", folder / "report.html")
    assert done.status == 2
    assert f"--output {folder}/report.html lies in the folder that the calls are read from" in done.err
    assert [path.name for path in folder.iterdir()] == ["calls.yaml"]
    assert not (desk.folder / "work").exists()


def test_a_price_that_fits_no_variant_and_no_profile_is_warned_of(desk: Desk) -> None:
    prices = "cost: {prices: {simm: {request: 1}, sim: {request: 0}}}\n"
    desk.pipeline.write_text(desk.pipeline.read_text() + prices)
    said = "warning: " + str(desk.pipeline) + ":11:17: the price for 'simm' is used nowhere"
    assert said in desk("--variant", "slow").err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("-n", "0"), "expected a whole number from 1 to 1000, found '0'"),
        (("--max-usd", "-1"), "expected an amount in USD"),
        (("--seed", "x"), "expected a whole number from 0"),
        (("--var", "name=Ann"), "there is no variable 'name'"),
        (("--no-code", "--variant", "x=stages.tts='a:B'"), "own code isn't allowed here"),
    ],
)
def test_options_that_make_no_sense_are_told(desk: Desk, argv: tuple[str, ...], said: str) -> None:
    done = desk(*argv)
    assert done.status == 2
    assert said in done.err


def test_a_folder_in_which_nothing_can_be_kept_is_told(desk: Desk) -> None:
    (desk.folder / "work").write_text("a file")
    done = desk()
    assert done.status == 3
    assert "work: it is a file, or lies in one, and no folder" in done.err


def test_ctrl_c_keeps_what_was_held_and_the_same_command_goes_on(desk: Desk) -> None:
    argv = ["compare", desk.pipeline, "--calls", desk.calls, "-n", "12", "--work", desk.folder / "work"]
    with subprocess.Popen(
        [sys.executable, "-m", "voicepipe", *map(str, argv), "--clock", "charged"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        while "calls held" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 130
    assert "interrupted; what was held is in" in rest
    kept = len(list((desk.folder / "work").glob("*.json")))
    assert 1 <= kept < 24
    again = desk("-n", "1", "--clock", "charged", "--json")
    assert "were held before" in again.err
    assert again.status == 0


def test_a_report_that_cannot_be_drawn_says_how_to_do_without(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    asked = desk("--output", desk.folder / "report.html")
    assert asked.status == 3
    assert "leave --output out" in asked.err
    text = "voicepipe_compare: 1\npipeline: pipeline.yaml\ncalls: [calls.yaml]\n"
    unasked = desk.compare(target=pipeline(desk.folder, text, "compare.yaml"))
    assert unasked.status == 3
    assert "hold the pipeline file itself" in unasked.err
    assert "--output" not in unasked.err


def test_who_held_nothing_for_want_of_money_is_not_said_to_fail(desk: Desk) -> None:
    done = desk("--clock", "real", "--max-usd", "0")
    assert done.status == 4
    assert "not all calls were held" in done.err
    assert "no call could be held" not in done.err
