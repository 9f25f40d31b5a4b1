"""The scripted server's turn detection by loudness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.realtime import sound
from voicepipe.testing.realtime_vad import Edge, ServerVad

VAD = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 100, "silence_duration_ms": 200}


def edges(detection: dict[str, Any], *parts: Any, rate: int = 8000, position: int = 0) -> list[Edge]:
    vad = ServerVad(detection, rate, position)
    return [edge for part in parts for edge in vad.feed(part)]


def quiet(ms: int, rate: int = 8000) -> Any:
    return np.zeros(ms * rate // 1000, np.int16)


def test_speech_begins_with_the_padding_before_it_and_ends_with_the_silence_after_it() -> None:
    found = edges(VAD, quiet(200), sound(300, 8000), quiet(400))
    assert found == [Edge("started", 100), Edge("stopped", 700)]


def test_a_click_is_no_speech_and_a_short_pause_no_end() -> None:
    assert edges(VAD, quiet(200), sound(40, 8000), quiet(400)) == []
    found = edges(VAD, quiet(200), sound(200, 8000), quiet(180), sound(200, 8000), quiet(400))
    assert [edge.ms for edge in found] == [100, 980]


def test_the_padding_doesn_t_reach_before_the_beginning() -> None:
    assert edges(VAD, sound(300, 8000)) == [Edge("started", 0)]


def test_time_goes_on_from_where_the_connection_is() -> None:
    assert edges(VAD, quiet(200), sound(100, 8000), position=8000) == [Edge("started", 1100)]


@pytest.mark.parametrize(("threshold", "found"), [(0.5, 1), (0.99, 1), (1.0, 1), (0.0, 1)])
def test_a_tone_is_louder_than_any_threshold(threshold: float, found: int) -> None:
    assert len(edges({**VAD, "threshold": threshold}, quiet(200), sound(100, 8000))) == found


def test_a_higher_threshold_needs_louder_speech() -> None:
    murmur = (sound(300, 8000) // 10).astype(np.int16)  # −37 dBFS
    assert edges({**VAD, "threshold": 0.5}, quiet(200), murmur)
    assert not edges({**VAD, "threshold": 0.7}, quiet(200), murmur)


@pytest.mark.parametrize(
    ("eagerness", "end"), [("low", 1700), ("auto", 1300), ("medium", 1300), ("high", 900)]
)
def test_the_eager_wait_less(eagerness: str, end: int) -> None:
    semantic = {"type": "semantic_vad", "eagerness": eagerness}
    assert edges(semantic, quiet(200), sound(300, 8000), quiet(2000))[-1] == Edge("stopped", end)


@given(st.lists(st.integers(1, 700), min_size=1, max_size=40))
def test_the_edges_don_t_depend_on_how_the_audio_is_cut(sizes: list[int]) -> None:
    audio = np.concatenate([quiet(200), sound(300, 8000), quiet(400)])
    cuts = np.cumsum(sizes)
    parts = np.split(audio, cuts[cuts < len(audio)])
    assert edges(VAD, *parts) == edges(VAD, audio)
