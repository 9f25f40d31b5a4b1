from __future__ import annotations

import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.comparisons import call, item, turn
from tests.support.plans import conversations, plan, variant
from voicepipe.audio.wav import write_wav
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.plan import Plan, Run
from voicepipe.compare.store import MAX_BYTES, Kept, Store
from voicepipe.errors import SetupError

PLAN = plan([variant("a")], conversations(names=["the time comes from the tool"]))
RUN = PLAN.runs[0]
CALL = call("a", RUN.call.name, turns=[turn(1)], items=[item(usd=0.25)], missed=("tool: x; y",))


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file may become longer than ``room``."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def opened(folder: Path, of: Plan = PLAN, told: list[str] | None = None) -> Kept:
    return Store(folder).open(of, (told if told is not None else []).append)


def the_file(folder: Path) -> Path:
    (path,) = folder.glob("*.json")
    return path


def test_what_was_put_is_there_the_next_time(tmp_path: Path) -> None:
    assert opened(tmp_path).get(RUN) is None
    opened(tmp_path).put(RUN, CALL)
    assert opened(tmp_path).get(RUN) == CALL


@settings(max_examples=25)
@given(st.text(), st.integers(), st.one_of(st.none(), st.integers(0, 10**18)))
def test_nothing_is_lost_on_the_way_to_the_disk_and_back(text: str, cost: int, total: int | None) -> None:
    one = turn(1, user=text.encode("utf-8", "replace").decode(), cost=cost, voice_to_voice_ns=total)
    made = call(turns=[one])
    assert MeasuredCall.model_validate_json(made.model_dump_json()) == made


def test_the_folder_and_its_files_are_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "store"
    opened(folder).put(RUN, CALL)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(the_file(folder).stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"can't be written: .*too long"):
        Store(tmp_path / ("x" * 1000))


def test_a_file_in_the_place_of_the_folder_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for taken in (tmp_path / "file", tmp_path / "file" / "store"):
        with pytest.raises(SetupError, match="it is a file, or lies in one, and no folder"):
            Store(taken)


def test_a_full_disk_is_told_and_what_was_kept_before_stays(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.put(RUN, CALL)
    with full_disk(100), pytest.raises(SetupError, match=r"can't be written: .* too large"):
        kept.put(RUN, CALL.model_copy(update={"load": 1.0}))
    assert opened(tmp_path).get(RUN) == CALL
    assert list(tmp_path.iterdir()) == [the_file(tmp_path)], "no part of a file is left"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"{}", b"\xff\xfe", b"null", b'{"variant": 1}', b"[" * 100_000]
)
def test_a_corrupted_file_is_told_and_its_call_is_held_again(tmp_path: Path, content: bytes) -> None:
    told: list[str] = []
    opened(tmp_path).put(RUN, CALL)
    the_file(tmp_path).write_bytes(content)
    assert opened(tmp_path, told=told).get(RUN) is None
    (message,) = told
    assert message.startswith(f"{the_file(tmp_path)} can't be used, and its call is held again: ")


def test_a_file_of_another_call_is_not_taken_for_this_one(tmp_path: Path) -> None:
    told: list[str] = []
    opened(tmp_path).put(RUN, CALL)
    the_file(tmp_path).write_text(CALL.model_copy(update={"variant": "b"}).model_dump_json())
    assert opened(tmp_path, told=told).get(RUN) is None
    assert "it is of another call" in told[0]


def test_a_file_without_an_end_is_not_read_whole(tmp_path: Path) -> None:
    told: list[str] = []
    opened(tmp_path).put(RUN, CALL)
    with the_file(tmp_path).open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert opened(tmp_path, told=told).get(RUN) is None
    assert "larger than 64 MiB" in told[0]


def test_a_call_that_could_not_be_held_is_tried_again(tmp_path: Path) -> None:
    opened(tmp_path).put(RUN, CALL.model_copy(update={"error": "no line"}))
    assert opened(tmp_path).get(RUN) is None


def test_what_calls_that_broke_off_have_cost_is_kept_until_they_are_held_afresh(tmp_path: Path) -> None:
    broken = CALL.model_copy(update={"error": "no line"})
    for kept in (opened(tmp_path), opened(tmp_path)):
        kept.put(RUN, broken)
    kept.put(RUN, CALL)
    assert opened(tmp_path).lost(RUN) == 2 * sum(one.cost for one in CALL.items) > 0
    next(tmp_path.glob("*.lost")).write_text("much")
    told: list[str] = []
    assert opened(tmp_path, told=told).lost(RUN) == 0
    assert ["was not spent" in one for one in told] == [True]
    kept.forget(RUN)
    assert list(tmp_path.iterdir()) == []


def test_each_repetition_is_kept_by_itself(tmp_path: Path) -> None:
    opened(tmp_path).put(RUN, CALL)
    assert opened(tmp_path).get(replace(RUN, repetition=1)) is None


def test_where_audio_is_wanted_a_call_without_it_is_held_again(tmp_path: Path) -> None:
    listened = replace(PLAN, audio=True)
    opened(tmp_path).put(RUN, CALL)
    kept = opened(tmp_path, listened)
    assert kept.get(RUN) is None
    path = kept.audio(RUN)
    assert path is not None
    write_wav(path, np.zeros(10, np.int16), 8000)
    kept.put(RUN, CALL.model_copy(update={"audio": path.name}))
    assert opened(tmp_path, listened).get(RUN) is not None
    assert opened(tmp_path).get(RUN) is not None, "whoever wants no audio may have it nevertheless"
    path.unlink()
    assert opened(tmp_path, listened).get(RUN) is None


def test_a_run_that_wants_no_audio_has_no_path_for_it(tmp_path: Path) -> None:
    run = Run(RUN.variant, RUN.call, 0)
    assert opened(tmp_path).audio(run) is None
