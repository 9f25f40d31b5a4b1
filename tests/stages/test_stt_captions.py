from __future__ import annotations

import numpy as np

from voicepipe.core.frames import AudioIn
from voicepipe.stages.stt import _Ring

RATE = 16_000


def frame(number: int, caption: str | None) -> AudioIn:
    return AudioIn(pcm=np.zeros(320, np.int16), position=320 * number, rate=RATE, caption=caption)


def test_the_words_of_a_frame_that_two_utterances_share_are_told_once() -> None:
    ring = _Ring()
    first = [frame(0, "where"), frame(1, ""), frame(2, "is")]
    assert [ring.caption(one) for one in first] == ["where", "", "is"]
    padding = [*first[1:], frame(3, "my")]
    assert [ring.caption(one) for one in padding] == ["", "", "my"]
