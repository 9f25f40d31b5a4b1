from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("websockets", reason="needs the extra 'realtime'")

from benchmarks.telephone import FRAME, Desk, Found, borne, recorded
from benchmarks.telephone_callers import the_clip_as_sent
from voicepipe.audio.wav import WavWriter

NOBODY: Any = None
MS = 1_000_000


def test_a_window_is_late_from_when_the_frame_was_sent_that_completed_it() -> None:
    desk = Desk(NOBODY)
    # Windows of 256 samples end in the second and in the fourth frame of 160.
    desk.judged = {"0": [(256, 25 * MS), (512, 70 * MS)], "1": [(320, 43 * MS)]}
    sent = {"0": np.array([0, 20, 40, 60]) * MS, "1": np.array([20, 40]) * MS}
    assert list(desk.late_ms(sent)) == [5.0, 10.0, 3.0]


def test_a_call_that_broke_off_isnt_left_out_of_the_figure() -> None:
    desk = Desk(NOBODY)
    desk.judged = {"0": []}
    with pytest.raises(RuntimeError, match="call 0 has broken off"):
        desk.late_ms({"0": np.array([0])})


def test_the_clip_is_sent_in_frames_of_20_ms() -> None:
    clip = the_clip_as_sent()
    assert {len(ulaw) for ulaw in clip} == {FRAME} == {160}
    assert 1 < len(clip) * 0.02 < 4


@pytest.mark.parametrize(("what", "value"), [("late_p99", 20.5), ("answered", 99), ("recorded", 39)])
def test_calls_are_borne_only_if_in_time_answered_and_recorded(what: str, value: Any) -> None:
    found = Found(
        calls=40,
        cpu=0.5,
        denied=0.0,
        late_median=5.0,
        late_p99=15.0,
        late_most=30.0,
        lag_p99=4.0,
        lag_most=8.0,
        asked=100,
        answered=100,
        feeder_p99=1.0,
        feeder_cpu=0.2,
        recorded=40,
    )
    assert borne(found)
    assert not borne(found._replace(**{what: value}))


def a_recording(folder: Path, seconds: int, caller: int, agent: int, then_silent: int = 0) -> Path:
    kept = folder / "20261123T160215Z-call7"
    kept.mkdir()
    writer = WavWriter(kept / "audio.wav", 8000, channels=2)
    writer.write(np.tile(np.array([[caller, agent]], np.int16), (8000 * seconds, 1)))
    writer.write(np.zeros((8000 * then_silent, 2), np.int16))
    writer.close()
    return folder


@pytest.mark.parametrize(
    ("seconds", "caller", "agent", "whole"),
    [(10, 1000, 1000, True), (9, 1000, 1000, False), (10, 0, 1000, False), (10, 1000, 0, False)],
    ids=["whole", "too short", "without the caller", "without the agent"],
)
def test_a_call_is_recorded_if_both_sides_are_there_to_its_end(
    tmp_path: Path, seconds: int, caller: int, agent: int, whole: bool
) -> None:
    assert recorded(a_recording(tmp_path, seconds, caller, agent), "7", 10.3) is whole


def test_a_recording_whose_end_is_silent_isnt_whole(tmp_path: Path) -> None:
    assert not recorded(a_recording(tmp_path, 1, 1000, 1000, then_silent=9), "7", 10.3)


def test_a_call_that_wasnt_kept_isnt_recorded(tmp_path: Path) -> None:
    assert not recorded(a_recording(tmp_path, 10, 1000, 1000), "17", 10.0)
