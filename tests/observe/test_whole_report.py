from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.happenings import Story
from voicepipe.errors import LogError
from voicepipe.observe.log import EventLog
from voicepipe.observe.report import CallReport
from voicepipe.observe.whole_report import completed


def story() -> Story:
    found = Story()
    for turn in (1, 2, 3, 4):
        at = 10_000 * turn
        found.begin(at, turn=turn, user=f"question {turn}").used(
            at + 10, "llm", "tokens_out", turn, turn=turn
        )
        found.audible(at + 20, turn=turn).ignored(at + 30, turn=turn, text=f"hm {turn}")
        found.end(at + 40, turn=turn, said=f"answer {turn}", heard=f"answer {turn}")
    return found


def reports(path: Path, events: Story) -> tuple[CallReport, CallReport]:
    """One that keeps two turns and one that keeps all, beside a log."""
    few = CallReport(session="s", clock="simulated", keep_turns=2)
    whole = CallReport(session="s", clock="simulated")
    log = EventLog(path, session="s", clock="simulated")
    for observer in (few, whole, log):
        events.play(observer)
    log.close()
    return few, whole


def test_what_a_report_left_out_is_in_the_log(tmp_path: Path) -> None:
    few, whole = reports(tmp_path / "e.jsonl", story())
    assert [turn["turn"] for turn in few.to_dict()["turns"]] == [3, 4]
    assert few.left_out == {"turns": 2, "ignored": 2}
    assert completed(few.to_dict(), tmp_path / "e.jsonl") == whole.to_dict()


def test_a_log_that_holds_less_than_the_call_completes_nothing(tmp_path: Path) -> None:
    few, _ = reports(tmp_path / "e.jsonl", story())
    short = tmp_path / "short.jsonl"
    short.write_text("".join((tmp_path / "e.jsonl").read_text("utf-8").splitlines(keepends=True)[:7]))
    assert completed(few.to_dict(), short) == few.to_dict()


def test_a_log_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    few, _ = reports(tmp_path / "e.jsonl", story())
    with pytest.raises(LogError, match=r"nowhere\.jsonl can't be read"):
        completed(few.to_dict(), tmp_path / "nowhere.jsonl")
