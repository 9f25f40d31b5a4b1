from __future__ import annotations

from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.retries import FAST, POLICIES, RESERVE, Retries, RetryLimits
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError, ProviderErrorKind

KINDS: tuple[ProviderErrorKind, ...] = get_args(ProviderErrorKind)


def error(
    kind: ProviderErrorKind, *, retry_after_ns: int | None = None, retryable: bool = True
) -> ProviderError:
    return ProviderError("no", provider="x", kind=kind, retryable=retryable, retry_after_ns=retry_after_ns)


def retries(**limits: float) -> Retries:
    return Retries(RetryLimits(**limits), Random(1))  # type: ignore[arg-type]  # mypy can't tell them apart


def waits(
    kind: ProviderErrorKind, *, retry_after_ns: int | None = None, alternative: bool = False
) -> list[int | None]:
    """What is waited before each retry of one request, and None where it is given up."""
    slot = retries(attempts=6)
    failure = error(kind, retry_after_ns=retry_after_ns)
    found = [slot.wait_ns(failure, tries=tries, took_ns=MS, alternative=alternative) for tries in range(1, 7)]
    return found[: found.index(None) + 1]


def test_there_is_a_policy_for_each_class() -> None:
    assert set(POLICIES) == set(KINDS)


# ── classes ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["authentication", "bad_request", "internal"])
def test_what_can_not_get_better_is_never_asked_again(kind: ProviderErrorKind) -> None:
    assert waits(kind) == [None]


@pytest.mark.parametrize("kind", ["timeout", "protocol"])
def test_what_took_long_or_was_garbled_is_asked_again_once_at_once(kind: ProviderErrorKind) -> None:
    assert waits(kind) == [0, None]


def test_a_broken_connection_is_made_anew_at_once_and_then_after_growing_waits() -> None:
    at_once, *later, end = waits("connection")
    assert (at_once, end) == (0, None)
    for wait, longest in zip(later, (200, 400, 800, 1600), strict=True):
        assert wait is not None
        assert longest // 2 * MS <= wait <= longest * MS


def test_a_server_that_fails_is_given_time() -> None:
    first, *_ = waits("server")
    assert first is not None
    assert 100 * MS <= first <= 200 * MS


def test_what_will_not_succeed_later_is_not_tried_whatever_its_class() -> None:
    """A quota that is used up is a rate limit, too."""
    for kind in KINDS:
        failure = error(kind, retryable=False)
        assert retries().wait_ns(failure, tries=1, took_ns=0, alternative=False) is None


def test_a_short_retry_after_is_honoured_and_a_long_one_is_not_waited_for() -> None:
    for kind in ("rate_limit", "server"):
        wait = waits(kind, retry_after_ns=SECOND)[0]
        assert wait is not None
        assert SECOND <= wait <= SECOND * 11 // 10
        assert waits(kind, retry_after_ns=2 * SECOND + 1) == [None]


def test_where_another_provider_can_answer_nobody_waits_for_this_one() -> None:
    for kind in KINDS:
        first = waits(kind, alternative=True)
        assert first == ([0, None] if kind == "connection" else [None])


def test_a_connection_that_took_long_to_break_is_not_made_again_before_the_other_provider() -> None:
    failure = error("connection")
    assert retries().wait_ns(failure, tries=1, took_ns=FAST, alternative=True) == 0
    assert retries().wait_ns(failure, tries=1, took_ns=FAST + 1, alternative=True) is None


def test_one_attempt_means_that_nothing_is_asked_again() -> None:
    slot = retries(attempts=1)
    assert slot.wait_ns(error("connection"), tries=1, took_ns=0, alternative=False) is None


def test_the_same_chance_gives_the_same_waits() -> None:
    assert waits("connection") == waits("connection")


# ── the budget ───────────────────────────────────────────────────────────────────────────────────


def test_when_all_requests_fail_the_reserve_is_used_up_and_then_one_in_five_is_tried_again() -> None:
    slot, retried = retries(), 0
    for _ in range(500):
        slot.note_request()
        retried += slot.wait_ns(error("timeout"), tries=1, took_ns=0, alternative=False) is not None
    assert retried == RESERVE + 500 // 5 - 1  # a full reserve doesn't grow by the first request


def test_requests_that_succeed_fill_the_reserve_again_but_not_beyond() -> None:
    slot = retries()
    while slot.wait_ns(error("timeout"), tries=1, took_ns=0, alternative=False) is not None:
        pass
    assert slot.left == 0
    for _ in range(1000):
        slot.note_request()
    assert slot.left == RESERVE


@given(
    budget=st.floats(0, 1),
    steps=st.lists(
        st.one_of(
            st.none(),
            st.tuples(
                st.sampled_from(KINDS),
                st.integers(1, 8),
                st.booleans(),
                st.booleans(),
                st.one_of(st.none(), st.integers(0, 10 * SECOND)),
            ),
        ),
        max_size=200,
    ),
)
def test_whatever_fails_the_budget_holds_and_no_wait_is_too_long_or_too_short(
    budget: float, steps: list[tuple[ProviderErrorKind, int, bool, bool, int | None] | None]
) -> None:
    """``None`` is a request, and everything else one that fails."""
    limits = RetryLimits(attempts=4, budget=budget)
    slot = Retries(limits, Random(0))
    requests = retried = 0
    for step in steps:
        if step is None:
            requests += 1
            slot.note_request()
            continue
        kind, tries, retryable, alternative, after = step
        failure = error(kind, retry_after_ns=after, retryable=retryable)
        wait = slot.wait_ns(failure, tries=tries, took_ns=0, alternative=alternative)
        if wait is None:
            continue
        retried += 1
        assert retryable
        assert tries < limits.attempts
        assert (after or 0) <= wait <= limits.max_backoff_ns
        assert kind not in ("authentication", "bad_request", "internal")
        assert wait == 0 or not alternative
    assert retried <= RESERVE + (budget + 0.0005) * requests  # shares are counted in thousandths
