from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.support.calls import Side, sides
from tests.support.cli import Outcome, spawn


@dataclass(frozen=True)
class Demo:
    outcome: Outcome
    folder: Path
    caller: Side
    agent: Side

    @property
    def lines(self) -> list[str]:
        return self.outcome.err.splitlines()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo as it is, in real time, run in a folder that knows nothing of voicepipe."""
    folder = tmp_path_factory.mktemp("elsewhere")
    outcome = spawn("demo", cwd=folder)
    assert outcome.status == 0, outcome.err
    return Demo(outcome, folder, *sides(folder / "voicepipe-demo.wav"))


def test_the_demo_shows_what_is_said_called_and_answered(demo: Demo) -> None:
    said = "you    what is the weather in paris"
    at = demo.lines.index(said)
    assert demo.lines[at + 1] == 'tool   get_weather(city="Paris")'
    assert demo.lines[at + 2].startswith("       → {")
    assert demo.lines[at + 3].startswith("agent  In Paris it is")


def test_the_demo_s_caller_is_told_when_the_language_model_dies(demo: Demo) -> None:
    at = demo.lines.index("The language model dies, and the caller asks once more:")
    after = [
        line for line in demo.lines[at:] if line.startswith(("you    ", "notice ", "error  ", "agent  "))
    ]
    assert [line[:30] for line in after] == [
        "you    what time is it",
        "notice One moment, please.",
        "error  sim: no answer within 1",
        "notice Sorry, something went w",
    ]


def test_the_demo_draws_where_the_time_of_each_turn_went(demo: Demo) -> None:
    at = demo.lines.index("The language model dies, and the caller asks once more:")
    turns = [line for line in demo.lines[:at] if line.startswith("you    ") and "(ignored" not in line]
    drawn = [line for line in demo.lines if "end of speech → first audio:" in line]
    assert len(turns) == len(drawn) >= 4


def test_the_demo_ignores_an_uh_huh_and_goes_on_speaking(demo: Demo) -> None:
    (ignored,) = [number for number, line in enumerate(demo.lines) if "(ignored" in line]
    assert demo.lines[ignored - 1] == "you    what is your name"
    assert re.fullmatch(r"you    .+ \(ignored, paused \d\.\d s\)", demo.lines[ignored])
    heard = demo.lines[ignored + 2].removeprefix("heard  ")
    assert heard.startswith("I am your household assistant. I tell you the time"), "it went on"


def test_the_demo_is_interrupted_and_shows_what_was_heard_below_what_was_said(demo: Demo) -> None:
    (said,) = [number for number, line in enumerate(demo.lines) if line.startswith("said   ")]
    whole, heard = demo.lines[said].removeprefix("said   "), demo.lines[said + 1].removeprefix("heard  ")
    assert whole.startswith(heard)
    assert len(heard) < len(whole)
    after = [line for line in demo.lines[said + 2 :] if line.startswith(("you    ", "agent  "))]
    assert after[:2] == ["you    turn on the kitchen lights", "agent  The lights in the kitchen are on."]


def test_the_demo_says_that_rules_are_no_language_model(demo: Demo) -> None:
    assert any("rules" in line and "not a language model" in line for line in demo.lines)


def test_the_demo_records_both_sides_and_where_they_overlap(demo: Demo) -> None:
    assert {path.name for path in demo.folder.iterdir()} == {"voicepipe-demo.wav", "voicepipe-demo.html"}
    assert not demo.caller.is_silent
    assert not demo.agent.is_silent
    both = (demo.caller.pcm != 0) & (demo.agent.pcm != 0)
    assert 0 < np.count_nonzero(both) / demo.agent.rate < 3, "an uh-huh, and the onset of a command"


def test_the_demo_closes_with_how_to_use_a_model_of_ones_own(demo: Demo) -> None:
    assert "demo --set stages.llm=openai/" in demo.lines[-1]
    assert demo.outcome.out == ""
    assert "Traceback" not in demo.outcome.err


def test_the_demo_refuses_to_write_where_there_is_no_folder(tmp_path: Path) -> None:
    outcome = spawn("demo", "--output", "none/demo.wav", cwd=tmp_path)
    assert outcome.status == 2
    assert outcome.err.startswith("voicepipe: --output none/demo.wav: there is no folder none\n")


def test_the_demo_with_a_model_of_ones_own_says_what_it_lacks(tmp_path: Path) -> None:
    outcome = spawn("demo", "--set", "stages.llm=openai/gpt-6-luna", cwd=tmp_path, OPENAI_API_KEY="")
    assert outcome.status == 3
    assert "OPENAI_API_KEY" in outcome.err
    assert "Traceback" not in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_the_demo_leaves_a_page_to_listen_to_its_calls_line_by_line(demo: Demo) -> None:
    page = (demo.folder / "voicepipe-demo.html").read_text(encoding="utf-8")
    assert page.count("<audio") == 2, "the call, and the one in which the model dies"
    assert "<bdi>what is the weather in paris</bdi>" in page
    assert "<bdi>get_weather</bdi>(<bdi>city=&quot;Paris&quot;</bdi>)" in page
    assert "ignored: " in page
    assert page.count('class="steps"') >= 5
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.partition("<audio")[0]))
    assert facts["turns answered"] == "5 of 5"
    assert facts["interruptions honoured"] == facts["backchannels ignored"] == "1 of 1"
    assert any("voicepipe-demo.html in a browser" in line for line in demo.lines)
