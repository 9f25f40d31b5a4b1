from __future__ import annotations

from pathlib import Path

import pytest

from voicepipe.cli.targets import check_targets
from voicepipe.errors import UsageError


def test_files_of_their_own_in_folders_that_exist_are_fine(tmp_path: Path) -> None:
    (tmp_path / "there.wav").touch()
    written = {"--output": tmp_path / "there.wav", "--events": tmp_path / "new.jsonl", "--other": None}
    check_targets(written, [tmp_path / "in.wav"])


def test_a_file_that_is_read_by_another_of_its_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.wav").touch()
    (tmp_path / "hard.wav").hardlink_to(tmp_path / "in.wav")
    (tmp_path / "soft.wav").symlink_to("in.wav")
    for name in ("in.wav", "hard.wav", "soft.wav", "../" + tmp_path.name + "/in.wav"):
        with pytest.raises(UsageError, match=r"is read by this very call: .*in\.wav"):
            check_targets({"--output": tmp_path / name}, [tmp_path / "in.wav"])


def test_two_outputs_in_one_file_that_is_yet_to_be_made_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").symlink_to(tmp_path)
    written = {"--output": tmp_path / "new", "--events": tmp_path / "folder" / "new"}
    with pytest.raises(UsageError, match=r"--events .* is that of --output, too"):
        check_targets(written, [])


def test_what_keeps_nothing_may_be_given_twice() -> None:
    null = Path("/dev/null")
    check_targets({"--output": null, "--events": null}, [null])


def test_a_folder_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a folder was found, a file was expected"):
        check_targets({"--output": tmp_path}, [])
    with pytest.raises(UsageError, match=r"there is no folder .*none") as caught:
        check_targets({"--output": tmp_path / "none" / "out.wav"}, [])
    assert caught.value.hint == f"make it: mkdir -p {tmp_path / 'none'}"


@pytest.mark.parametrize("place", ["calls/report.html", "calls/monday/report.html", "link/report.html"])
def test_nothing_is_written_into_a_folder_that_calls_are_read_from(tmp_path: Path, place: str) -> None:
    (tmp_path / "calls" / "monday").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "calls")
    calls = tmp_path / "calls"
    with pytest.raises(
        UsageError, match=f"lies in the folder that the calls are read from: {calls}"
    ) as caught:
        check_targets({"--output": tmp_path / place}, [], [calls])
    assert caught.value.hint == f"choose a place beside it, such as {tmp_path / 'report.html'}"


def test_a_folder_that_only_begins_alike_may_be_written_into(tmp_path: Path) -> None:
    for name in ("calls", "calls-2"):
        (tmp_path / name).mkdir()
    check_targets({"--output": tmp_path / "calls-2" / "report.html"}, [], [tmp_path / "calls"])
