from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.cli import SIM, voicepipe
from voicepipe.cli import chaos

pytest.importorskip("openai", reason="needs the extra 'local'")


@pytest.fixture
def sim(tmp_path: Path) -> Path:
    (tmp_path / "sim.yaml").write_text(SIM.replace("vad: sim", "vad: energy"))
    return tmp_path / "sim.yaml"


def test_it_tells_what_the_caller_heard_and_after_how_long(
    capsys: pytest.CaptureFixture[str], sim: Path, tmp_path: Path
) -> None:
    """One run for all of it: a call takes its time."""
    report = tmp_path / "chaos.xml"
    told = voicepipe(capsys, "chaos", sim, *("--only", "llm", "--fault", "500"), "--json", "--junit", report)
    assert told.status == 0
    (head, row, *_, last) = told.err.splitlines()
    assert head.split() == ["stage", "fault", "after", "silence", "the", "caller", "heard"]
    assert row.startswith("llm    500")
    assert row.endswith("“Sorry, something went wrong. Please say that again.”")
    assert last == "1 of 1 calls held"
    (call,) = told.json["calls"]
    assert (told.json["held"], told.json["failed"]) == (1, 0)
    assert (call["stage"], call["fault"], call["passed"], call["problems"]) == ("llm", "500", True, [])
    assert 0 < call["first_sound_ms"] <= call["allowed_silence_ms"] == 4000
    assert call["heard"][-1] == {
        "kind": "failed",
        "text": "Sorry, something went wrong. Please say that again.",
        "whole": True,
    }
    (case,) = ElementTree.parse(report).iter("testcase")
    assert (case.get("name"), case.find("failure")) == ("llm × 500", None)


def test_a_caller_who_is_told_nothing_is_a_miss(capsys: pytest.CaptureFixture[str], sim: Path) -> None:
    sim.write_text(sim.read_text().replace("agent: {", 'agent: {notices: {failed: "", wait: ""}, '))
    told = voicepipe(capsys, "chaos", sim, "--only", "llm", "--fault", "500", "-q")
    assert told.status == 1
    assert told.err.strip() == "llm × 500: the caller was neither answered nor told why not"


def test_what_the_pipeline_doesnt_have_cant_be_struck(capsys: pytest.CaptureFixture[str], sim: Path) -> None:
    told = voicepipe(capsys, "chaos", sim, "--only", "realtime")
    assert told.status == 2
    assert f"{sim} has: stt, llm, tts" in told.err


@pytest.mark.parametrize(
    "given", [("--only", "vad"), ("--fault", "boredom"), ("--jobs", "0"), ("--jobs", "x")]
)
def test_what_isnt_one_of_the_choices_is_refused(
    capsys: pytest.CaptureFixture[str], sim: Path, given: tuple[str, str]
) -> None:
    assert voicepipe(capsys, "chaos", sim, *given).status == 2


def test_the_clip_of_the_caller_comes_with_voicepipe() -> None:
    from voicepipe.cli.files import shipped  # noqa: PLC0415 - of this test alone

    assert shipped(chaos.CLIP).is_file()
