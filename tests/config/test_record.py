from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.config.fakes import load, one, problems
from voicepipe.config.record import RecordConfig
from voicepipe.core.units import SECOND

FILE = "voicepipe: 1\nstages: {{stt: whisper}}\nrecord: {}\n"
DAY = 86_400 * SECOND


def of(folder: Path, record: str, **options: Any) -> RecordConfig:
    return load(folder, FILE.format(record), **options).top.record


def told(folder: Path, record: str) -> str:
    return one(problems(folder, FILE.format(record))).message


def test_the_example_of_the_design_is_taken(tmp_path: Path) -> None:
    record = of(tmp_path, "{dir: calls/, audio: stereo, keep: 30d, redact: [card, phone]}")
    assert (record.dir, record.audio, record.keep) == (tmp_path / "calls", "stereo", 30 * DAY)
    assert record.redact == ("card", "phone")
    assert record.with_audio


def test_without_it_nothing_is_kept_and_nothing_masked(tmp_path: Path) -> None:
    record = load(tmp_path, "voicepipe: 1\nstages: {stt: whisper}\n").top.record
    assert record == RecordConfig()
    assert (record.dir, record.redact, record.with_audio) == (None, (), False)


def test_a_folder_alone_keeps_the_audio_too_and_forever(tmp_path: Path) -> None:
    record = of(tmp_path, "{dir: calls}")
    assert (record.with_audio, record.keep) == (True, None)
    assert not of(tmp_path, "{dir: calls, audio: none}").with_audio


def test_the_folder_may_come_from_the_environment(tmp_path: Path) -> None:
    assert of(tmp_path, '{dir: "${env:CALLS}"}', env={"CALLS": "/var/calls"}).dir == Path("/var/calls")


def test_what_is_masked_is_masked_also_where_nothing_is_kept(tmp_path: Path) -> None:
    assert of(tmp_path, "{redact: [email]}").redact == ("email",)
    assert RecordConfig(dir=tmp_path, audio="none", redact=("iban",)).rehearsed() == RecordConfig(
        redact=("iban",)
    )


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("{keep: 30d}", "'keep' is of no use without 'dir'"),
        ("{audio: stereo}", "'audio' is of no use without 'dir'"),
        ("{dir: c, keep: 30}", "a duration needs a unit"),
        ("{dir: c, keep: 10s}", "expected at least 1h, found '10s'"),
        ("{dir: c, audio: mono}", "'stereo' or 'none'"),
        ("{redact: [cards]}", "Did you mean 'card'"),
        ("{folder: c}", "folder"),
        ("calls/", "map"),
    ],
)
def test_what_can_not_be_meant_is_told(tmp_path: Path, record: str, said: str) -> None:
    assert said in str(one(problems(tmp_path, FILE.format(record))))
