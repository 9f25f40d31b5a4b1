from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.endpointing import HYSTERESIS, QUIET_BELOW_PEAK_DB, Endpointer, Started, Stopped

WINDOW = 512
LOUD, QUIET = -20.0, -60.0


def endpointer(
    *, threshold: float = 0.5, min_speech: int = 2 * WINDOW, hangover: int = 3 * WINDOW
) -> Endpointer:
    return Endpointer(threshold=threshold, min_speech=min_speech, hangover=hangover, first_sign=hangover)


def decisions(
    machine: Endpointer, windows: Iterable[tuple[float, float]]
) -> list[tuple[int, Started | Stopped]]:
    """Each decision with the number of the window that brought it; ``windows`` are (probability, dBFS)."""
    made = []
    for number, (probability, level) in enumerate(windows):
        decision = machine.push(probability, level, number * WINDOW, (number + 1) * WINDOW)
        if decision is not None:
            made.append((number, decision))
    return made


def test_speech_is_reported_once_it_has_lasted_and_dated_back_to_its_first_window() -> None:
    assert decisions(endpointer(), [(0.1, QUIET), (0.9, LOUD), (0.9, LOUD)]) == [(2, Started(WINDOW))]


def test_a_burst_shorter_than_min_speech_is_noise() -> None:
    assert decisions(endpointer(), [(0.9, LOUD), (0.1, LOUD), (0.9, LOUD), (0.1, LOUD)]) == []


def test_without_min_speech_the_first_window_decides() -> None:
    assert decisions(endpointer(min_speech=0), [(0.5, LOUD)]) == [(0, Started(0))]


def test_speech_begins_only_at_the_threshold() -> None:
    assert decisions(endpointer(), [(0.49, LOUD)] * 10) == []


def test_once_begun_it_takes_less_to_be_speech() -> None:
    between = 0.5 - HYSTERESIS + 0.01
    assert decisions(endpointer(), [(0.5, LOUD), (between, LOUD)]) == [(1, Started(0))]
    speaking = [(0.9, LOUD)] * 2 + [(between, LOUD)] * 50
    assert decisions(endpointer(), speaking) == [(1, Started(0))]


def test_the_end_is_reported_after_the_hangover_and_dated_back_to_the_last_speech() -> None:
    windows = [(0.9, LOUD)] * 4 + [(0.0, QUIET)] * 5
    assert decisions(endpointer(), windows)[1:] == [(6, Stopped(4 * WINDOW))]


def test_a_pause_shorter_than_the_hangover_is_a_part_of_the_speech() -> None:
    windows = [(0.9, LOUD)] * 4 + [(0.0, QUIET)] * 2 + [(0.9, LOUD)] * 2 + [(0.0, QUIET)] * 3
    assert decisions(endpointer(), windows) == [(1, Started(0)), (10, Stopped(8 * WINDOW))]


def test_a_model_that_is_slow_to_let_go_does_not_move_the_end_past_the_last_loud_window() -> None:
    """Silero's offset lags by 112 ms at the median; the level knows better where the sound ended."""
    lagging = [(0.9, LOUD)] * 4 + [(0.8, QUIET)] * 4 + [(0.0, QUIET)]
    assert decisions(endpointer(), lagging)[1:] == [(8, Stopped(4 * WINDOW))]


def test_a_caller_may_become_quieter_within_the_range_of_speech() -> None:
    soft = LOUD - QUIET_BELOW_PEAK_DB + 1
    windows = [(0.9, LOUD)] * 4 + [(0.9, soft)] * 4 + [(0.0, QUIET)] * 3
    assert decisions(endpointer(), windows)[1:] == [(10, Stopped(8 * WINDOW))]


def test_a_loud_word_is_forgotten_so_that_whispering_counts_in_the_end() -> None:
    whisper = LOUD - QUIET_BELOW_PEAK_DB - 5
    windows = [(0.9, LOUD)] * 2 + [(0.9, whisper)] * 200 + [(0.0, -90.0)] * 3
    assert decisions(endpointer(), windows)[1:] == [(204, Stopped(202 * WINDOW))]


def test_the_next_utterance_has_a_loudness_of_its_own() -> None:
    whisper = LOUD - QUIET_BELOW_PEAK_DB - 10
    windows = [(0.9, LOUD)] * 4 + [(0.0, QUIET)] * 4 + [(0.9, whisper)] * 4 + [(0.0, -90.0)] * 3
    assert [d for _, d in decisions(endpointer(), windows)] == [
        Started(0),
        Stopped(4 * WINDOW),
        Started(8 * WINDOW),
        Stopped(12 * WINDOW),
    ]


def test_dropped_frames_count_as_silence() -> None:
    machine = endpointer()
    decisions(machine, [(0.9, LOUD)] * 3)
    assert machine.push(0.0, QUIET, 100 * WINDOW, 101 * WINDOW) == Stopped(3 * WINDOW)


def test_the_end_of_the_audio_ends_the_speech() -> None:
    machine = endpointer()
    decisions(machine, [(0.9, LOUD)] * 3 + [(0.0, QUIET)])
    assert machine.stop() == Stopped(3 * WINDOW)
    assert machine.stop() is None


def test_audio_without_speech_ends_without_a_decision() -> None:
    machine = endpointer()
    decisions(machine, [(0.9, LOUD)])
    assert machine.stop() is None


@pytest.mark.parametrize("threshold", [0.01, 0.1, 0.99])
def test_any_threshold_leaves_room_for_both_decisions(threshold: float) -> None:
    windows = [(1.0, LOUD)] * 4 + [(0.0, QUIET)] * 4
    made = decisions(endpointer(threshold=threshold), windows)
    assert [type(decision) for _, decision in made] == [Started, Stopped]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(-96, 0)), max_size=200),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_starts_and_stops_take_turns_and_positions_never_go_back(
    windows: list[tuple[float, float]], min_speech: int, hangover: int
) -> None:
    machine = endpointer(min_speech=min_speech * WINDOW, hangover=hangover * WINDOW)
    made = decisions(machine, windows)
    kinds = [type(decision) for _, decision in made]
    assert kinds == [Started, Stopped] * (len(kinds) // 2) + [Started] * (len(kinds) % 2)
    assert machine.speaking == (len(kinds) % 2 == 1)
    positions = [decision.position for _, decision in made]
    assert positions == sorted(positions)
    assert all(decision.position <= (number + 1) * WINDOW for number, decision in made)
