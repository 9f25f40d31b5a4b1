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
