from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.units import MS, SECOND
from voicepipe.speech.decode_gate import AFFORDABLE_NS, BUSY_AT_MOST, DecodeGate

costs = st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=10)


def _gate(cost_ns: int) -> DecodeGate:
    gate = DecodeGate(500 * MS)
    gate.measured(cost_ns)
    return gate


def test_nothing_is_decoded_before_the_cost_is_known() -> None:
    assert not DecodeGate(500 * MS).pays(60 * SECOND, settled=True)


def test_a_quick_model_decodes_at_the_cadence() -> None:
    gate = _gate(50 * MS)
    assert not gate.pays(499 * MS, settled=False)
    assert gate.pays(500 * MS, settled=False)


def test_a_slower_model_decodes_less_often_than_the_cadence() -> None:
    gate = _gate(400 * MS)
    assert not gate.pays(799 * MS, settled=False)
    assert gate.pays(800 * MS, settled=False)


def test_a_model_that_would_delay_the_final_result_gives_no_partial_ones() -> None:
    gate = _gate(AFFORDABLE_NS + 1)
    assert not gate.pays(60 * SECOND, settled=False)
    assert not gate.pays(60 * SECOND, settled=True)


def test_when_the_caller_falls_silent_the_cadence_is_not_waited_for() -> None:
    gate = _gate(50 * MS)
    assert gate.pays(120 * MS, settled=True)
    assert not gate.pays(49 * MS, settled=True)


def test_a_partial_result_waits_until_the_model_is_free_and_what_may_be_the_final_one_does_not() -> None:
    gate = _gate(50 * MS)
    gate.under_way = 1
    assert not gate.pays(60 * SECOND, settled=False)
    assert gate.pays(120 * MS, settled=True)
    gate.under_way = 0
    assert gate.pays(500 * MS, settled=False)


def test_partial_results_come_back_when_the_load_has_gone() -> None:
    gate = _gate(3 * SECOND)
    for _ in range(12):
        gate.measured(50 * MS)
    assert gate.pays(500 * MS, settled=False)


@given(costs, st.integers(0, 30 * SECOND))
def test_a_decode_that_is_begun_keeps_the_real_time_factor_in_bounds(
    measured: list[int], unheard: int
) -> None:
    gate = DecodeGate(500 * MS)
    for cost in measured:
        gate.measured(cost)
    assert gate.cost_ns is not None
    if gate.pays(unheard, settled=False):
        assert gate.cost_ns <= BUSY_AT_MOST * unheard
    if gate.pays(unheard, settled=True):
        assert gate.cost_ns <= unheard
