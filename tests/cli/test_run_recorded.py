"""``voicepipe run`` with ``record:`` in the file."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.support.cli import SIM, Outcome, pipeline, voicepipe
from voicepipe.observe.kept_call import kept_calls, read_call

VISA = "4111 1111 1111 1111"
RECORD = f"{SIM}record: {{dir: calls, redact: [card]}}\n"


def run(capsys: pytest.CaptureFixture[str], file: Path, text: str) -> Outcome:
    return voicepipe(capsys, "run", file, "--text", text, "--clock", "simulated", "--json")


def test_a_call_is_kept_beside_the_file_and_masked_in_what_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(capsys, pipeline(tmp_path, RECORD), f"my card is {VISA}")
    assert outcome.status == 0
    assert outcome.json["turns"][0]["user"] == "my card is [card]"
    (folder,) = kept_calls(tmp_path / "calls")
    call = read_call(folder)
    assert call.turns[0].user == "my card is [card]"
    assert call.audio is not None
    assert f"you    my card is {VISA}" in outcome.err, "who holds the call sees what is said"


def test_a_disk_that_fills_up_costs_the_recording_and_not_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, limits[1]))
    try:
        outcome = run(capsys, pipeline(tmp_path, RECORD), "hello")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert outcome.status == 3
    assert outcome.json["turns"][0]["status"] == "completed"
    assert "the call was held, but not all of it could be kept" in outcome.err
    assert "File too large" in outcome.err


def test_a_folder_that_can_not_be_made_is_told_before_the_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "calls").touch()
    outcome = run(capsys, pipeline(tmp_path, RECORD), "hello")
    assert (outcome.status, outcome.out) == (3, "")
    assert "the call can't be recorded in" in outcome.err
