from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import voicepipe


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "schema")
    assert done.status == 0
    assert done.json["title"] == "A voicepipe pipeline"
    assert {"agent", "stages", "profiles"} <= done.json["properties"].keys()


def test_the_schema_is_written_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "voicepipe.schema.json"
    done = voicepipe(capsys, "schema", "--output", path)
    assert (done.status, done.out) == (0, "")
    assert f"wrote {path}" in done.err
    assert path.read_text() == voicepipe(capsys, "schema").out


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "schema", "--output", tmp_path / "no" / "schema.json")
    assert done.status == 2
    assert "can't write" in done.err
    assert "No such file or directory" in done.err
