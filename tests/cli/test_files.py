from __future__ import annotations

from pathlib import Path

import pytest

from voicepipe.cli.files import shipped, write_text
from voicepipe.errors import SetupError, UsageError


def test_a_shipped_pipeline_is_found() -> None:
    assert "voicepipe: 1" in shipped("sim.yaml").read_text()


def test_what_was_not_shipped_is_told_with_the_places() -> None:
    with pytest.raises(SetupError, match=r"'none\.yaml' should have come with voicepipe"):
        shipped("none.yaml")


def test_a_text_is_written_as_utf8(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "café")
    assert (tmp_path / "a").read_bytes() == "café".encode()


def test_a_place_that_can_not_be_written_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't write"):
        write_text(tmp_path, "café")


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    there = tmp_path / "a"
    write_text(there, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(there, "new \ud800")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a", "old")]


def test_what_a_link_points_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "a").read_text() == "new"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_told_as_one() -> None:
    with pytest.raises(SetupError, match="can't write '/dev/full': No space left"):
        write_text(Path("/dev/full"), "new")
