"""Counters and histograms that many updates a turn cost next to nothing; ``prometheus-client`` tells them.

That package's own take a lock and half a dozen calls for each update, and a turn of a call makes fifty. These
are changed by one thread only, the event loop's, and become its metric families when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from itertools import accumulate
from typing import Any

Labels = tuple[str, ...]
"""The values of a series' labels, in the order of their names."""

NO_LABELS: Labels = ()


class Counter:
    """A sum for each combination of labels, of whole numbers; ``per`` of them are told as one.

    One without labels is 0 from the beginning.
    """

    kind = "CounterMetricFamily"

    def __init__(self, name: str, about: str, *labels: str, per: int = 1) -> None:
        self._told = name, about, labels
        self._per = per
        self.sums: defaultdict[Labels, int] = defaultdict(int, {} if labels else {NO_LABELS: 0})
        """To be added to."""

    def family(self, client: Any) -> Any:
        """As of now; from any thread."""
        name, about, names = self._told
        family = getattr(client, self.kind)(name, about, labels=names)
        for labels, value in list(self.sums.items()):
            family.add_metric(labels, value / self._per)
        return family


class Gauge(Counter):
    """What goes down as well."""

    kind = "GaugeMetricFamily"


class Histogram:
    """How many durations there were up to each of ``buckets``, in seconds and ascending, and their sum."""

    def __init__(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> None:
        self._told = name, about, labels
        self._buckets = buckets
        self._found: defaultdict[Labels, list[float]] = defaultdict(lambda: [0] * (len(buckets) + 2))
        """For each bucket, and for what is longer than all, how many; and last the sum."""
        if not labels:
            self._found[NO_LABELS] = [0] * (len(buckets) + 2)

    def observe(self, seconds: float, labels: Labels = NO_LABELS) -> None:
        found = self._found[labels]
        found[bisect_left(self._buckets, seconds)] += 1
        found[-1] += seconds

    def family(self, client: Any) -> Any:
        """As of now; from any thread."""
        name, about, names = self._told
        family = client.HistogramMetricFamily(name, about, labels=names)
        bounds = [*map(str, self._buckets), "+Inf"]
        for labels, found in list(self._found.items()):
            *counts, total = found
            family.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)
        return family
