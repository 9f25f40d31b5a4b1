from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.watched_vad import _Watched
from voicepipe.core.frames import Pcm


class Model:
    window = 512
    at_once = False

    def probability(self, window: Pcm) -> float:
        return 0.5

    def submit(self, window: Pcm, answer: Callable[[float | Exception], None]) -> None:
        self.give = answer
        if self.at_once:
            answer(0.0)

    def settle(self) -> None:
        self.give(0.25)


def test_each_answer_is_passed_on_before_it_is_told_how_much_was_judged() -> None:
    told: list[object] = []
    model = Model()
    stream = _Watched(model, lambda samples, by_network: told.append((samples, by_network)))
    for _ in range(2):
        stream.submit(np.zeros(512, np.int16), told.append)
        stream.settle()
    assert told == [0.25, (512, True), 0.25, (1024, True)]


def test_what_is_answered_at_once_was_judged_by_nobody() -> None:
    told: list[object] = []
    model = Model()
    model.at_once = True
    stream = _Watched(model, lambda samples, by_network: told.append((samples, by_network)))
    stream.submit(np.zeros(512, np.int16), told.append)
    assert told == [0.0, (512, False)]
