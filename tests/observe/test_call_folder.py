from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.errors import SetupError
from voicepipe.observe.call_folder import MOST_DELETED, delete_old, make_folder, remove_folder, write_report
from voicepipe.observe.kept_call import kept_calls
from voicepipe.observe.log import EventLog

NOW = datetime(2026, 11, 23, 16, 2, 15, tzinfo=UTC)
MONTH = timedelta(days=30)
LONG_AGO = NOW - 2 * MONTH


def recorded(parent: Path, at: datetime, *, session: str = "s") -> Path:
    """A recording that began and ended at ``at``."""
    folder = make_folder(parent, session, at)
    EventLog(folder / "events.jsonl", session=session, clock="real").close()
    for name in ("audio.wav", "call.json"):
        (folder / name).write_bytes(b"x")
    os.utime(folder / "events.jsonl", (at.timestamp(), at.timestamp()))
    return folder


def test_a_folder_is_named_by_time_and_session_and_is_its_owners(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "a" / "calls", "5f0c", NOW.astimezone(timezone(timedelta(hours=5))))
    assert folder == tmp_path / "a" / "calls" / "20261123T160215Z-5f0c"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    names = [make_folder(tmp_path, "s", NOW).name for _ in range(3)]
    assert names == ["20261123T160215Z-s", "20261123T160215Z-s-2", "20261123T160215Z-s-3"]


@given(st.text(max_size=100))
def test_whatever_a_session_is_called_its_folder_is_in_the_right_place(
    tmp_path_factory: pytest.TempPathFactory, session: str
) -> None:
    parent = tmp_path_factory.mktemp("calls")
    folder = make_folder(parent, session, NOW)
    assert folder.parent == parent
    EventLog(folder / "events.jsonl", session=session, clock="real").close()
    assert kept_calls(parent) == [folder]
    os.utime(folder / "events.jsonl", (0, 0))
    delete_old(parent, NOW + MONTH)
    assert not folder.exists()


def test_a_folder_that_can_not_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "calls").touch()
    with pytest.raises(SetupError, match=r"the call can't be recorded in .*calls: File exists"):
        make_folder(tmp_path / "calls", "s", NOW)


def test_a_report_is_written_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    write_report(tmp_path, {"text": "a\ud800 🌧"})
    assert json.loads((tmp_path / "call.json").read_bytes()) == {"text": "a? 🌧"}
    assert stat.S_IMODE((tmp_path / "call.json").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["call.json"]
    with pytest.raises(SetupError, match=r"call\.json can't be written: No such file"):
        write_report(tmp_path / "gone", {})


def test_recordings_that_are_too_old_are_deleted_and_others_are_not(tmp_path: Path) -> None:
    old, new = recorded(tmp_path, LONG_AGO), recorded(tmp_path, NOW - MONTH / 2)
    assert delete_old(tmp_path, NOW - MONTH) is None
    assert not old.exists()
    assert sorted(os.listdir(new)) == ["audio.wav", "call.json", "events.jsonl"]


def test_a_call_that_still_goes_on_is_not_deleted_however_long_ago_it_began(tmp_path: Path) -> None:
    folder = recorded(tmp_path, LONG_AGO)
    os.utime(folder / "events.jsonl", (NOW.timestamp(), NOW.timestamp()))
    delete_old(tmp_path, NOW - MONTH)
    assert folder.exists()


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    notes = recorded(tmp_path, LONG_AGO, session="notes")
    (notes / "notes.txt").touch()
    other = recorded(tmp_path, LONG_AGO, session="other")
    (other / "events.jsonl").write_text('{"event": "LogBegan"}\n')
    os.utime(other / "events.jsonl", (0, 0))
    empty = make_folder(tmp_path, "empty", LONG_AGO)
    renamed = recorded(tmp_path, LONG_AGO, session="x").rename(tmp_path / "keep me")
    impossible = recorded(tmp_path, LONG_AGO, session="y").rename(tmp_path / "20260231T000000Z-y")
    (tmp_path / "20200101T000000Z-file").touch()
    assert delete_old(tmp_path, NOW - MONTH) is None
    assert all(folder.exists() for folder in (notes, other, empty, renamed, impossible))
    assert (tmp_path / "20200101T000000Z-file").exists()


def test_no_link_is_followed(tmp_path: Path) -> None:
    elsewhere = recorded(tmp_path / "elsewhere", LONG_AGO)
    calls = tmp_path / "calls"
    calls.mkdir()
    (calls / elsewhere.name).symlink_to(elsewhere)
    linked = make_folder(calls, "linked", LONG_AGO)
    (linked / "events.jsonl").symlink_to(elsewhere / "events.jsonl")
    private = tmp_path / "private.wav"
    private.touch()
    own = recorded(calls, LONG_AGO, session="own")
    (own / "audio.wav").unlink()
    (own / "audio.wav").symlink_to(private)
    assert delete_old(calls, NOW - MONTH) is None
    assert len(os.listdir(elsewhere)) == 3
    assert linked.exists()
    assert own.exists(), "voicepipe makes no links: it isn't its folder any more"
    assert private.exists()


def test_a_folder_with_another_in_it_is_not_ours(tmp_path: Path) -> None:
    folder = recorded(tmp_path, LONG_AGO)
    (folder / "call.json").unlink()
    (folder / "call.json").mkdir()
    assert delete_old(tmp_path, NOW - MONTH) is None
    assert len(os.listdir(folder)) == 3


def test_a_pipe_in_the_place_of_a_log_does_not_hold_the_call_up(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, "s", LONG_AGO)
    os.mkfifo(folder / "events.jsonl")
    delete_old(tmp_path, NOW - MONTH)
    assert folder.exists()


def test_the_oldest_go_first_and_not_all_at_once(tmp_path: Path) -> None:
    folders = [recorded(tmp_path, LONG_AGO + timedelta(seconds=n)) for n in range(MOST_DELETED + 3)]
    delete_old(tmp_path, NOW - MONTH)
    assert [folder.exists() for folder in folders] == [False] * MOST_DELETED + [True] * 3
    delete_old(tmp_path, NOW - MONTH)
    assert kept_calls(tmp_path) == []


def test_a_folder_of_a_call_that_never_began_is_removed(tmp_path: Path) -> None:
    folder = recorded(tmp_path, NOW)
    remove_folder(folder)
    remove_folder(folder)
    assert os.listdir(tmp_path) == []
    assert delete_old(tmp_path / "nowhere", NOW) is None
