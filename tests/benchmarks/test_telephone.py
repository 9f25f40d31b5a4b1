from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("websockets", reason="needs the extra 'realtime'")

from benchmarks.telephone import FRAME, Desk
from benchmarks.telephone_callers import the_clip_as_sent

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
