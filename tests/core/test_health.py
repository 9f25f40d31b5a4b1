from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from voicepipe.core.health import FIRST_PROBE, LONGEST_PROBE, STEADY, Health
from voicepipe.core.units import SECOND


def test_the_first_one_is_wanted_and_the_others_follow_in_their_order() -> None:
    assert Health(3).order(0) == (0, 1, 2)


def test_after_a_failure_the_next_one_is_asked_and_the_failed_one_last() -> None:
    health = Health(3)
    health.fail(0, "no answer", now=0)
    assert health.order(0) == (1, 2, 0)
    assert (health.why(0), health.why(1)) == ("no answer", None)


def test_when_all_have_failed_all_are_tried_in_their_order() -> None:
    health = Health(2)
    health.fail(0, "gone", now=0)
    health.fail(1, "gone", now=0)
    assert health.order(SECOND) == (0, 1)


def test_what_has_answered_is_wanted_again() -> None:
    health = Health(2)
    health.fail(0, "gone", now=0)
    health.restore(0, now=SECOND)
    assert health.order(SECOND) == (0, 1)
    assert health.next_probe() is None


def test_it_is_probed_at_growing_intervals() -> None:
    health, now, times = Health(2), 0, []
    health.fail(0, "gone", now)
    for _ in range(6):
        at, index = health.next_probe() or (-1, -1)
        assert index == 0
        times.append((at - now) // SECOND)
        now = at
        health.fail(0, "gone", now)
    assert times == [5, 10, 20, 40, 60, 60]


def test_sessions_that_fail_together_are_one_failure() -> None:
    health = Health(2)
    for _ in range(10):
        health.fail(0, "gone", now=0)
    assert health.next_probe() == (FIRST_PROBE, 0)


def test_a_server_that_asks_to_be_left_alone_is_not_probed_before() -> None:
    health = Health(2)
    health.fail(0, "too many requests", now=0, retry_after_ns=30 * SECOND)
    assert health.next_probe() == (30 * SECOND, 0)
    health = Health(2)
    health.fail(0, "too many requests", now=0, retry_after_ns=3600 * SECOND)
    assert health.next_probe() == (LONGEST_PROBE, 0)


def test_what_fails_again_soon_after_it_was_taken_back_is_left_alone_for_longer() -> None:
    health = Health(2)
    health.fail(0, "gone", now=0)
    health.restore(0, now=5 * SECOND)
    health.fail(0, "gone", now=6 * SECOND)
    assert health.next_probe() == (16 * SECOND, 0)
    health.restore(0, now=16 * SECOND)
    health.fail(0, "gone", now=17 * SECOND + STEADY)
    assert health.next_probe() == (22 * SECOND + STEADY, 0)


def test_an_answer_to_what_was_asked_before_the_last_failure_is_old_news() -> None:
    health = Health(2)
    health.fail(0, "gone", now=0)
    health.begin_probe(0)
    health.fail(0, "still gone", now=2 * SECOND)  # of a call that had begun before
    health.restore(0, now=3 * SECOND, asked=1 * SECOND)
    assert health.order(now=3 * SECOND) == (1, 0)
    health.restore(0, now=5 * SECOND, asked=4 * SECOND)
    assert health.order(now=5 * SECOND) == (0, 1)


def test_only_one_session_probes_at_a_time() -> None:
    health = Health(2)
    health.fail(0, "gone", now=0)
    health.begin_probe(0)
    assert health.next_probe() is None
    health.end_probe(0)
    assert health.next_probe() == (FIRST_PROBE, 0)


def test_nobody_probes_what_would_not_be_used() -> None:
    health = Health(3)
    health.fail(1, "gone", now=0)
    assert health.next_probe() is None
    health.fail(0, "gone", now=SECOND)
    assert health.next_probe() == (FIRST_PROBE, 1)


def test_a_fallback_that_has_failed_is_worth_a_try_once_its_time_has_come() -> None:
    health = Health(3)
    health.fail(1, "gone", now=0)
    assert health.order(SECOND) == (0, 2, 1)
    assert health.order(FIRST_PROBE) == (0, 1, 2)


def test_the_only_provider_of_a_slot_is_found_out_by_its_calls() -> None:
    health = Health(1)
    health.fail(0, "gone", now=0)
    assert health.order(0) == (0,)
    assert health.next_probe() is None


class AnyTrouble(RuleBasedStateMachine):
    """Providers fail, answer and are probed in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.health = Health(3)

    @rule(index=st.integers(0, 2), after=st.one_of(st.none(), st.integers(0, 200 * SECOND)))
    def one_fails(self, index: int, after: int | None) -> None:
        self.health.fail(index, "gone", self.now, retry_after_ns=after)

    @rule(index=st.integers(0, 2))
    def one_answers(self, index: int) -> None:
        self.health.restore(index, self.now)

    @rule(ns=st.integers(0, 100 * SECOND))
    def time_passes(self, ns: int) -> None:
        self.now += ns

    @rule(works=st.booleans())
    def the_next_probe_is_made(self, works: bool) -> None:
        probe = self.health.next_probe()
        if probe is None:
            return
        at, index = probe
        self.now = max(self.now, at)
        self.health.begin_probe(index)
        if works:
            self.health.restore(index, self.now)
        else:
            self.health.fail(index, "gone", self.now)
        self.health.end_probe(index)

    @invariant()
    def each_is_offered_once_and_one_that_works_first(self) -> None:
        order = self.health.order(self.now)
        assert sorted(order) == [0, 1, 2]
        works = [index for index in range(3) if self.health.why(index) is None]
        if works:
            assert order[0] == works[0], "the best that works is asked first"

    @invariant()
    def whatever_is_wanted_but_has_failed_is_probed_within_a_minute(self) -> None:
        if self.health.why(0) is not None:
            probe = self.health.next_probe()
            assert probe is not None
            assert probe[0] <= self.now + LONGEST_PROBE


TestAnyTrouble = AnyTrouble.TestCase
TestAnyTrouble.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
