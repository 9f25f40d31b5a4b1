"""How callers on one model are counted, with models that are told how long they take."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("faster_whisper", reason="needs the extra 'local'")

from benchmarks.whisper_load import PAUSE_NS, Cost, fitted, most, waits
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Pcm
from voicepipe.core.units import SECOND

seconds = st.floats(0.01, 10)
AT_ONCE, LENGTHS = 8, (2, 6)


def a_voice() -> Pcm:
    """Loud without a pause."""
    return np.random.default_rng(1).integers(-9000, 9000, 64_000).astype(np.int16)


def heard(cost: Cost, callers: int, **config: object) -> list[int]:
    return run_on("simulated", waits(cost, callers, a_voice(), utterances=20, **config))


@given(st.tuples(seconds, seconds), st.tuples(seconds, seconds))
def test_a_fitted_cost_is_what_was_measured_where_it_was_measured(
    alone: tuple[float, float], many: tuple[float, float]
) -> None:
    cost = fitted(alone, many, clips=AT_ONCE, lengths=LENGTHS)
    for clips, measured in ((1, alone), (AT_ONCE, many)):
        assert tuple(cost.of(clips, length) for length in LENGTHS) == pytest.approx(measured)


@given(st.integers(0, 70), st.integers(1, 64))
def test_the_most_that_is_borne_is_found_up_to_the_limit(truth: int, limit: int) -> None:
    assert most(lambda number: number <= truth, limit) == min(truth, limit)


def test_with_a_model_that_takes_no_time_callers_wait_for_the_end_of_the_pause_only() -> None:
    assert set(heard(Cost(0, 0, 0, 0), 1)) == {PAUSE_NS}


def test_a_model_too_slow_for_partial_results_begins_at_the_end_of_the_pause() -> None:
    assert set(heard(Cost(2, 0, 0, 0), 1)) == {PAUSE_NS + 2 * SECOND}


def test_callers_who_meet_at_a_slow_model_wait_for_each_other() -> None:
    waited = heard(Cost(2, 0, 0, 0), 4)
    assert min(waited) == PAUSE_NS + 2 * SECOND
    assert max(waited) > PAUSE_NS + 3 * SECOND


def test_decoding_together_helps_if_many_cost_as_much_as_one_and_hurts_if_they_cost_as_much_each() -> None:
    def mean(cost: Cost, at_once: int) -> float:
        return float(np.mean(heard(cost, 8, max_batch=at_once)))

    shared, each = Cost(1, 0, 0, 0), Cost(0, 1, 0, 0)
    assert mean(shared, 8) < mean(shared, 1)
    assert mean(each, 8) > mean(each, 1)


def test_the_same_callers_wait_the_same_each_time() -> None:
    cost = Cost(0.1, 0.2, 0.01, 0.01)
    assert heard(cost, 3) == heard(cost, 3)
