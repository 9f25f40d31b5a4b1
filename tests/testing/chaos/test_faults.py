"""The faults are those that can be documented, named and chosen."""

from __future__ import annotations

from voicepipe.testing.chaos import faults
from voicepipe.testing.chaos.faults import FAULTS, STRUCK


def test_each_fault_is_explained_where_it_is_named() -> None:
    source = faults.__file__
    with open(source, encoding="utf-8") as file:
        text = file.read()
    assert [fault for fault in FAULTS if f"``{fault}``" not in text] == []


def test_every_stage_that_talks_to_somebody_can_be_struck() -> None:
    assert STRUCK == ("stt", "llm", "tts", "realtime", "tools")
