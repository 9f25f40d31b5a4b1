from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.endpointing import (
    ABOVE_NOISE_DB,
    HYSTERESIS,
    QUIET_BELOW_PEAK_DB,
    SURE,
    Decision,
    Endpointer,
    Paused,
    Resumed,
    Started,
    Stopped,
)

WINDOW = 512
LOUD, QUIET = -20.0, -60.0


def endpointer(
    *,
    threshold: float = 0.5,
    min_speech: int = 2 * WINDOW,
    hangover: int = 3 * WINDOW,
    first_sign: int | None = None,
    again: int = 0,
) -> Endpointer:
    return Endpointer(
        threshold=threshold,
        min_speech=min_speech,
        hangover=hangover,
        first_sign=hangover if first_sign is None else first_sign,
        again=again,
    )


def decisions(machine: Endpointer, windows: Iterable[tuple[float, float]]) -> list[tuple[int, Decision]]:
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
    assert decisions(endpointer(), lagging)[1:] == [(6, Paused(4 * WINDOW)), (8, Stopped(4 * WINDOW))]


def test_a_model_that_begins_to_doubt_is_a_first_sign_of_an_end_that_only_it_can_confirm() -> None:
    machine = endpointer(first_sign=2 * WINDOW)
    doubting = [(0.99, LOUD)] * 4 + [(0.95, QUIET), (SURE, QUIET), (SURE - 0.01, QUIET)] + [(0.6, QUIET)] * 9
    assert decisions(machine, doubting) == [(1, Started(0)), (6, Paused(4 * WINDOW))]
    assert machine.push(0.0, QUIET, 16 * WINDOW, 17 * WINDOW) == Stopped(4 * WINDOW)


def test_what_a_sure_model_hears_for_longer_than_the_hangover_is_soft_speech() -> None:
    soft = [(0.9, LOUD)] * 4 + [(SURE, QUIET)] * 6 + [(0.0, QUIET)] * 3
    assert decisions(endpointer(), soft)[1:] == [(12, Stopped(10 * WINDOW))]


NOISE = -50.0


@pytest.mark.parametrize(
    ("above", "end"), [(ABOVE_NOISE_DB - 0.1, 14 * WINDOW), (ABOVE_NOISE_DB + 0.1, 16 * WINDOW)]
)
def test_what_hardly_stands_out_from_the_noise_is_not_the_last_sound(above: float, end: int) -> None:
    """The tone of a room held the end up by 50 to 110 ms, as long as the model took to let go."""
    windows = [(0.01, NOISE)] * 10 + [(0.95, LOUD)] * 4 + [(0.7, NOISE + above)] * 2 + [(0.0, NOISE)] * 3
    stopped = [one for _, one in decisions(endpointer(), windows) if isinstance(one, Stopped)]
    assert stopped == [Stopped(end)]


@pytest.mark.parametrize(("between", "end"), [(LOUD, 15 * WINDOW), (-90.0, 16 * WINDOW)])
def test_noise_that_has_gone_within_the_speech_is_forgotten(between: float, end: int) -> None:
    noise = LOUD - 15
    speech = [(0.95, LOUD)] * 4 + [(0.95, between)]
    windows = [(0.01, noise)] * 10 + speech + [(0.7, noise + 1)] + [(0.0, -90.0)] * 3
    stopped = [one for _, one in decisions(endpointer(), windows) if isinstance(one, Stopped)]
    assert stopped == [Stopped(end)]


def test_an_end_within_a_window_is_found_by_the_levels_of_its_parts() -> None:
    machine = endpointer()
    decisions(machine, [(0.95, LOUD)] * 4)
    assert machine.push(0.95, -26.0, 4 * WINDOW, 5 * WINDOW, [LOUD, QUIET, QUIET, QUIET]) is None
    last = [machine.push(0.0, QUIET, n * WINDOW, (n + 1) * WINDOW, [QUIET] * 4) for n in (5, 6, 7)]
    assert last[-1] == Stopped(4 * WINDOW + WINDOW // 4)


def test_who_goes_on_soon_after_the_end_is_heard_by_the_first_sure_window() -> None:
    spoken = [(0.95, LOUD)] * 4 + [(0.0, QUIET)] * 5
    for probability, number in ((SURE, 9), (SURE - 0.01, 10)):
        machine = endpointer(again=6 * WINDOW)
        made = decisions(machine, [*spoken, (probability, LOUD), (0.95, LOUD)])
        assert made[-1] == (number, Started(9 * WINDOW))
    late = decisions(endpointer(again=4 * WINDOW), [*spoken, (SURE, LOUD), (0.95, LOUD)])
    assert late[-1] == (10, Started(9 * WINDOW))


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


AFTER: dict[object, set[object]] = {
    Started: {Paused, Stopped},
    Paused: {Resumed, Stopped},
    Resumed: {Paused, Stopped},
    Stopped: {Started},
}


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(-96, 0)), max_size=200),
    st.integers(0, 5),
    st.integers(0, 5),
    st.integers(0, 3),
    st.integers(0, 9),
)
def test_decisions_follow_each_other_in_order_and_no_end_lies_before_the_one_before(
    windows: list[tuple[float, float]], min_speech: int, hangover: int, first_sign: int, again: int
) -> None:
    machine = endpointer(
        min_speech=min_speech * WINDOW,
        hangover=hangover * WINDOW,
        first_sign=first_sign * WINDOW,
        again=again * WINDOW,
    )
    made = decisions(machine, windows)
    kinds: list[object] = [Stopped, *(type(decision) for _, decision in made)]
    assert all(later in AFTER[earlier] for earlier, later in pairwise(kinds))
    assert machine.speaking == (kinds[-1] is not Stopped)
    assert machine.paused == (kinds[-1] is Paused)
    positions = [one.position for _, one in made if not isinstance(one, Resumed)]
    assert positions == sorted(positions)
    assert all(decision.position <= (number + 1) * WINDOW for number, decision in made)
