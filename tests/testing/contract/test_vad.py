"""Detectors that don't do what they promised, and what the suite says to that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.contract_fakes import GoodVad, LoudStream, examine
from voicepipe.core.frames import Pcm
from voicepipe.testing.contract import Broken


def saying(value: Any) -> type[GoodVad]:
    class Stream(LoudStream):
        def probability(self, window: Pcm) -> Any:
            return value

    class Saying(GoodVad):
        def open(self, rate: int) -> Any:
            return Stream()

    return Saying


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan"), "0.5", None, 1])
def test_what_is_no_probability(value: Any) -> None:
    with pytest.raises(Broken, match="for silence at 8000 Hz"):
        examine("a_probability_lies_between_0_and_1", saying(value))


@pytest.mark.parametrize("window", [0, -1, 16_000, 160.0])
def test_a_window_that_is_none(window: Any) -> None:
    class Stream(LoudStream):
        pass

    Stream.window = window

    class Odd(GoodVad):
        def open(self, rate: int) -> Any:
            return Stream()

    with pytest.raises(Broken, match=r"a window of .* samples, expected at most 100 ms"):
        examine("a_probability_lies_between_0_and_1", Odd)


def test_a_window_that_is_written_to() -> None:
    class Stream(LoudStream):
        def probability(self, window: Pcm) -> float:
            window[0] = 0
            return 0.0

    class Writing(GoodVad):
        def open(self, rate: int) -> Any:
            return Stream()

    with pytest.raises(ValueError, match="read-only"):
        examine("a_probability_lies_between_0_and_1", Writing)


@pytest.mark.parametrize(
    ("value", "found"), [(0.9, "0.9 for silence at 8000 Hz"), (0.1, "at most 0.1 for speech at 8000 Hz")]
)
def test_a_detector_that_always_says_the_same(value: float, found: str) -> None:
    with pytest.raises(Broken, match=found):
        examine("speech_is_told_from_silence", saying(value))


class Latching(LoudStream):
    """Once there was speech there always is."""

    heard = 0.0

    def probability(self, window: Pcm) -> float:
        self.heard = max(self.heard, super().probability(window))
        return self.heard


def test_a_detector_that_never_hears_the_end() -> None:
    class Latched(GoodVad):
        def open(self, rate: int) -> Any:
            return Latching()

    with pytest.raises(Broken, match=r"1\.0 for silence after speech"):
        examine("speech_is_told_from_silence", Latched)


class Counting(LoudStream):
    count = 0

    def probability(self, window: Pcm) -> float:
        type(self).count += 1
        return self.count % 7 / 7


def test_streams_that_share_their_memory() -> None:
    class Shared(GoodVad):
        def open(self, rate: int) -> Any:
            return Counting()

    with pytest.raises(Broken, match="stream 1 differs when another is used as well"):
        examine("each_stream_has_a_memory_of_its_own", Shared)
