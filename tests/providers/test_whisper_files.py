from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hearing import WHISPER
from voicepipe.errors import SetupError
from voicepipe.providers.whisper_files import locate

pytest.importorskip("faster_whisper", reason="needs the extra 'local'")

MODEL = WHISPER


def _failure(model: str) -> SetupError:
    with pytest.raises(SetupError) as caught:
        locate(model)
    return caught.value


def test_a_folder_that_is_whole_is_the_model() -> None:
    assert locate(str(MODEL.resolve())) == MODEL.resolve()


def test_a_folder_that_is_missing_is_named_with_what_belongs_into_it(tmp_path: Path) -> None:
    error = _failure(str(tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in error.message
    assert error.hint is not None
    assert "model.bin" in error.hint


@pytest.mark.parametrize("name", ["config.json", "model.bin", "tokenizer.json", "vocabulary.json"])
def test_a_file_that_is_missing_in_the_folder_is_named(name: str, tmp_path: Path) -> None:
    folder = shutil.copytree(MODEL, tmp_path / "model")
    (folder / name).unlink()
    assert f": {name.partition('.')[0]}." in _failure(str(folder)).message


def test_several_files_that_are_missing_are_named_together(tmp_path: Path) -> None:
    (tmp_path / "vocabulary.json").touch()
    message = _failure(str(tmp_path)).message
    assert message.endswith("is not whole: config.json, model.bin, tokenizer.json are missing")


def test_a_misspelt_name_gets_a_suggestion() -> None:
    assert "Did you mean 'base.en'?" in _failure("bse.en").message


_OFFLINE = """
import asyncio, sys
from voicepipe.core.calls import Host
from voicepipe.errors import SetupError
from voicepipe.providers.faster_whisper import FasterWhisper
from voicepipe.runtime.workers import ThreadWorkers

async def main():
    stt = FasterWhisper(FasterWhisper.Config(model="tiny.en"), Host(workers=ThreadWorkers(), language="en"))
    print(*stt.check(), sep="\\n", end="\\n\\n")
    for attempt in (stt.start, stt.pull):
        try:
            await attempt()
        except SetupError as error:
            print(error.message, error.hint, sep="\\n")

asyncio.run(main())
"""


def test_offline_the_error_says_what_is_missing_how_to_fetch_it_and_where_to_put_it(tmp_path: Path) -> None:
    # Port 9 of this computer: nothing listens there, so fetching fails at once.
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", _OFFLINE],
        env=offline,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    checked, _, tried = done.stdout.partition("\n\n")
    started, remedy, pulled, how = tried.splitlines()
    assert checked == f"{started}\n  {remedy}"
    assert f"'tiny.en' is not on this computer (looked in {tmp_path}" in started
    assert remedy.startswith("fetch it with: voicepipe pull")
    assert "model: ./FOLDER" in remedy
    assert "'tiny.en' could not be downloaded" in pulled
    assert "connect this computer to the internet" in how


def test_the_models_on_this_computer_are_found_by_their_names(tmp_path: Path) -> None:
    """In the hub's cache: whole ones only."""
    for name, files in (("tiny.en", ("*",)), ("base.en", ("config.json",))):
        repository = tmp_path / "hub" / f"models--Systran--faster-whisper-{name}"
        snapshot = repository / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("abc")
        for pattern in files:
            for file in MODEL.glob(pattern):
                (snapshot / file.name).symlink_to(file)
    script = "from voicepipe.providers.whisper_files import present_models; print(present_models())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "['tiny.en']\n"
