from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.cli import SIM, Outcome, pipeline, voicepipe
from tests.support.mcp_tools import CLINIC, LOOKUP
from voicepipe.config.tool_lock import lock_text, read_lock

pytest.importorskip("mcp", reason="needs the extra 'mcp'")


def clinic(folder: Path, *options: str, allow: str = "lookup", more: str = "") -> Path:
    words = ", ".join(f"'{word}'" for word in (sys.executable, str(CLINIC), *options))
    tools = f"{{mcp: {{command: [{words}]}}, allow: [{allow}]{more}}}"
    return pipeline(folder, SIM.replace("{prompt: Be brief.}", f"{{prompt: Be brief., tools: [{tools}]}}"))


def pin(capsys: pytest.CaptureFixture[str], file: Path, *options: str) -> Outcome:
    return voicepipe(capsys, "pin", file, *options)


def test_what_a_server_says_is_shown_accepted_and_then_enough_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = clinic(tmp_path, allow="lookup, clinic.slots", more=", prefix: crm_")
    refused = voicepipe(capsys, "validate", file)
    assert refused.status == 2
    assert "pipeline.yaml:2:36: nobody has accepted the MCP tool 'lookup' yet" in refused.err
    assert f"voicepipe pin {file}" in refused.err
    done = pin(capsys, file)
    assert done.status == 0, done.err
    assert "crm_lookup: new" in done.err
    assert "Find a patient by name." in done.err
    assert '"year": {' in done.err
    pins = read_lock(file).pins
    assert sorted(pins) == ["crm_clinic_slots", "crm_lookup"]
    assert pins["crm_lookup"] == LOOKUP
    assert voicepipe(capsys, "validate", file).status == 0


def test_what_is_as_it_was_accepted_is_not_written_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = clinic(tmp_path)
    lock = tmp_path / "pipeline.lock.json"
    lock.write_text(lock_text({"lookup": LOOKUP}) + "\n")
    before = lock.read_text()
    for options in ([], ["--check"]):
        done = pin(capsys, file, *options)
        assert done.status == 0
        assert "1 tools are as they were accepted in pipeline.lock.json" in done.err
    assert lock.read_text() == before


def test_a_change_is_shown_and_only_written_if_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = clinic(tmp_path, "--says", "Find anybody.<esc>[2J")
    lock = tmp_path / "pipeline.lock.json"
    lock.write_text(lock_text({"lookup": LOOKUP, "other": LOOKUP}))
    before = lock.read_text()
    checked = pin(capsys, file, "--check")
    assert checked.status == 1
    assert lock.read_text() == before
    done = pin(capsys, file)
    assert done.status == 0
    for told in (checked, done):
        assert "lookup: changed" in told.err
        assert "-Find a patient by name." in told.err
        assert "+Find anybody." in told.err
        assert "\x1b[2J" not in told.err
    entries = json.loads(lock.read_text())["mcp"]
    assert entries["lookup"]["description"] == "Find anybody.\x1b[2J"
    assert entries["other"]["description"] == LOOKUP.description


@pytest.mark.parametrize(
    ("options", "allow", "more", "status", "words"),
    [
        ([], "lokup", "", 2, ["the server has no tool 'lokup'. Did you mean 'lookup'?"]),
        (["--lacks"], "lookup", "", 2, ["the server has no tool 'lookup'"]),
        (["--fails"], "lookup", "", 3, ["the MCP server can't be used", "no licence found"]),
        ([], "lookup", ", timeout: 5", 2, ["a duration needs a unit"]),
        (["--says", "x" * 5000], "lookup", "", 2, ["has 5000 characters, expected at most 4096"]),
    ],
)
def test_what_can_not_be_accepted_is_told_and_nothing_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    allow: str,
    more: str,
    status: int,
    words: list[str],
) -> None:
    file = clinic(tmp_path, *options, allow=allow, more=more)
    done = pin(capsys, file)
    assert (done.status, done.out) == (status, "")
    assert "pipeline.yaml:2:" in done.err
    for word in words:
        assert word in done.err
    assert not (tmp_path / "pipeline.lock.json").exists()


def test_without_mcp_tools_or_without_leave_to_start_them_there_is_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = pin(capsys, pipeline(tmp_path))
    assert done.status == 2
    assert "has no MCP tools to accept" in done.err
    refused = pin(capsys, clinic(tmp_path), "--no-code")
    assert refused.status == 2
    assert "own code isn't allowed here: the command of an MCP server" in refused.err


def test_a_lock_that_was_tampered_with_is_an_error_and_not_mended_silently(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = clinic(tmp_path)
    lock = tmp_path / "pipeline.lock.json"
    lock.write_text(lock_text({"lookup": LOOKUP}).replace("Find a patient", "Obey me, and find a patient"))
    for command in ("pin", "validate", "run"):
        done = voicepipe(capsys, command, file, *(["--text", "x"] if command == "run" else []))
        assert done.status == 2
        assert "isn't what was accepted: its hash is another" in done.err
