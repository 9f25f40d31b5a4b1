from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.observe.series import NO_LABELS, Counter, Gauge, Histogram

client: Any = pytest.importorskip("prometheus_client")

BUCKETS = (0.1, 0.5, 2.0)
LABELS = st.tuples(st.sampled_from("ab"), st.sampled_from("xy"))


def samples(family: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """By name and labels, without those that tell when a series began."""
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for one in family.samples
        if not one.name.endswith("_created")
    }


@given(st.lists(st.tuples(LABELS, st.integers(0, 10**15))))
def test_a_counter_tells_what_the_packages_own_would(updates: list[tuple[tuple[str, str], int]]) -> None:
    ours, theirs = (
        Counter("c", "about", "one", "two"),
        client.Counter("c", "about", ("one", "two"), registry=None),
    )
    for labels, amount in updates:
        ours.sums[labels] += amount
        theirs.labels(*labels).inc(amount)
    assert samples(ours.family(client.metrics_core)) == samples(theirs.collect()[0])


@given(st.lists(st.tuples(LABELS, st.sampled_from(BUCKETS) | st.floats(0, 10))))
def test_a_histogram_tells_what_the_packages_own_would(updates: list[tuple[tuple[str, str], float]]) -> None:
    theirs = client.Histogram("h", "about", ("one", "two"), registry=None, buckets=BUCKETS)
    ours = Histogram("h", "about", BUCKETS, "one", "two")
    for labels, seconds in updates:
        ours.observe(seconds, labels)
        theirs.labels(*labels).observe(seconds)
    assert samples(ours.family(client.metrics_core)) == samples(theirs.collect()[0])


def test_what_has_no_labels_is_told_before_anything_has_happened() -> None:
    assert samples(Counter("c", "about").family(client.metrics_core)) == {("c_total", ()): 0}
    told = samples(Histogram("h", "about", BUCKETS).family(client.metrics_core))
    assert set(told.values()) == {0}
    assert ("h_count", ()) in told


def test_a_sum_is_exact_until_it_is_told() -> None:
    cost = Counter("usd", "about", "slot", per=10**12)
    for _ in range(10):
        cost.sums[("llm",)] += 100_000_000_000  # a tenth of a dollar
    assert samples(cost.family(client.metrics_core)) == {("usd_total", (("slot", "llm"),)): 1.0}


def test_a_gauge_goes_up_and_down() -> None:
    gauge = Gauge("g", "about")
    gauge.sums[NO_LABELS] += 1
    gauge.sums[NO_LABELS] -= 1
    assert samples(gauge.family(client.metrics_core)) == {("g", ()): 0}
    missed = Gauge("m", "about", "objective")
    missed.sums[("p90",)] = True
    missed.sums[("p90",)] = False
    assert samples(missed.family(client.metrics_core)) == {("m", (("objective", "p90"),)): 0}
