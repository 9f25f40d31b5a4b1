from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.audio.pcm import Pcm
from voicepipe.speech.window import Window

RATE = 16_000
FRAME = RATE // 50


def _noise(seconds: float, peak: int, seed: int = 1) -> Pcm:
    return np.random.default_rng(seed).integers(-peak, peak, round(seconds * RATE), dtype=np.int16)


def _window(*blocks: Pcm) -> Window:
    window = Window(RATE)
    for block in blocks:
        window.add(block)
    return window


def test_speech_ends_where_the_last_loud_frame_ends() -> None:
    window = _window(_noise(0.5, 8000), np.zeros(RATE // 2, np.int16))
    assert window.speech_end() == RATE // 2
    assert window.speech_end(before=10 * FRAME) == 10 * FRAME


def test_speech_starts_where_the_first_loud_frame_starts() -> None:
    assert _window(silence := np.zeros(RATE // 2, np.int16), _noise(0.5, 8000)).speech_start() == RATE // 2
    assert _window(silence).speech_start() == RATE // 2


def test_a_line_that_hisses_far_below_the_voice_is_silence() -> None:
    assert _window(_noise(0.5, 16000), _noise(0.5, 100)).speech_end() == RATE // 2


@pytest.mark.parametrize("pcm", [np.zeros(RATE, np.int16), _noise(1, 40), np.empty(0, np.int16)])
def test_audio_without_a_loud_frame_holds_no_speech(pcm: Pcm) -> None:
    assert _window(pcm).speech_end() == 0


def test_a_window_is_cut_in_the_middle_of_its_longest_silence() -> None:
    window = _window(_noise(1, 8000), np.zeros(RATE // 2, np.int16), _noise(1, 8000))
    cut = window.quietest(0, window.samples)
    assert RATE + FRAME <= cut <= RATE + RATE // 2 - FRAME
    assert cut % FRAME == 0


def test_only_the_part_that_is_asked_for_is_searched_for_a_place_to_cut() -> None:
    window = _window(np.zeros(RATE, np.int16), _noise(1, 8000), _noise(0.5, 300), _noise(1, 8000))
    assert 2 * RATE < window.quietest(RATE, window.samples) < 2.5 * RATE


def test_dropping_keeps_the_rest_and_its_silence() -> None:
    window = _window(_noise(1, 16000), _noise(1, 200), np.zeros(FRAME * 10, np.int16))
    rest = window.pcm()[RATE:]
    window.drop(RATE)
    np.testing.assert_array_equal(window.pcm(), rest)
    assert window.speech_end() == RATE


def test_only_whole_frames_that_are_there_can_be_dropped() -> None:
    window = _window(_noise(1, 8000))
    with pytest.raises(ValueError, match="can't drop 100 of 16000"):
        window.drop(100)
    with pytest.raises(ValueError, match="can't drop"):
        window.drop(RATE + FRAME)


def test_the_audio_handed_out_does_not_change_when_the_window_moves_on() -> None:
    window = _window(_noise(1, 8000))
    taken = window.pcm(0, FRAME)
    before = taken.copy()
    window.drop(FRAME)
    np.testing.assert_array_equal(taken, before)


@given(st.lists(st.integers(0, 5000), max_size=12))
def test_how_audio_is_cut_into_blocks_makes_no_difference(cuts: list[int]) -> None:
    pcm = np.concatenate((_noise(0.2, 9000), _noise(0.1, 50), _noise(0.15, 9000, seed=2)))
    whole, pieces = _window(pcm), _window(*np.split(pcm, sorted(min(cut, len(pcm)) for cut in cuts)))
    np.testing.assert_array_equal(pieces.pcm(), whole.pcm())
    assert pieces.speech_end() == whole.speech_end()
    assert pieces.quietest(0, len(pcm)) == whole.quietest(0, len(pcm))
