"""Counters of the data plane, cheap enough for its hot path."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds; one more bucket holds what is slower."""


class Histogram:
    """Counts of durations by bucket."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float, times: int) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += times
        self.total += seconds * times


class Measures:
    """What happened since the start, by (slot, version) and status."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, int, int]] = Counter()
        self.seconds: dict[tuple[str, int], Histogram] = {}
        self.canary_errors: Counter[int] = Counter()
        self.unpaired = 0
        self.batches = 0

    def answered(self, slot: str, version: int, status: int, times: int, seconds: float) -> None:
        """`times` requests that took `seconds` each."""
        self.answers[slot, version, status] += times
        histogram = self.seconds.get((slot, version))
        if histogram is None:
            histogram = self.seconds[slot, version] = Histogram()
        histogram.add(seconds, times)

    def refused(self, status: int) -> None:
        """A request that no model was asked about."""
        self.answers["", 0, status] += 1
