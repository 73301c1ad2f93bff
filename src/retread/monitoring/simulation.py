"""Simulate many watches, to show the false alarms and the power of detectors."""

from __future__ import annotations

import msgspec
import numpy as np

from retread.monitoring.detector import alarming_streams, load_detector
from retread.monitoring.streams import Streams


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Simulated traffic: correlated normal features.

    Attributes:
        name: A description.
        shift: By how many standard deviations features move.
        share: The share of the features that move.
        features: The number of features.
        window: The number of rows per window.
        reference: The number of rows of the reference.
    """

    name: str
    shift: float = 0.0
    share: float = 0.2
    features: int = 30
    window: int = 500
    reference: int = 1_000


class WatchFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The number of simulated watches that raised an alarm.

    Attributes:
        traffic: The description of the traffic.
        watches: The number of watches.
        windows: The number of windows per watch.
        alarmed: The number of watches with an alarm.
        median_windows: The median number of windows until the alarm, None without alarms.
    """

    traffic: str
    watches: int
    windows: int
    alarmed: int
    median_windows: float | None


QUIET = Traffic(name="quiet, reference of 1,000")
TRAFFICS = (
    QUIET,
    Traffic(name="0.3 sd in a fifth, reference of 1,000", shift=0.3),
    Traffic(name="0.1 sd in a fifth, reference of 10,000", shift=0.1, reference=10_000),
)


def simulate_watches(
    traffic: Traffic,
    *,
    watches: int,
    windows: int,
    alpha: float = 0.05,
    detector: str = "conformal",
    seed: int = 0,
) -> WatchFigures:
    """Simulate watches; each has its own reference and ends with its first alarm.

    Args:
        traffic: The traffic to simulate.
        watches: The number of watches.
        windows: The largest number of windows per watch.
        alpha: The false alarm probability that the detector may spend.
        detector: The name of the detector.
        seed: The random seed.
    """
    rng = np.random.default_rng(seed)
    ends = [_first_alarm(traffic, windows, alpha, detector, rng) for _ in range(watches)]
    alarmed = [end for end in ends if end is not None]
    return WatchFigures(
        traffic=traffic.name,
        watches=watches,
        windows=windows,
        alarmed=len(alarmed),
        median_windows=float(np.median(alarmed)) if alarmed else None,
    )


def gaussian_streams(rows: int, traffic: Traffic, rng: np.random.Generator) -> Streams:
    """Draw rows of the traffic before its shift."""
    common = 0.5 * rng.normal(size=(rows, 1))
    values = common + np.sqrt(0.75) * rng.normal(size=(rows, traffic.features))
    return Streams(
        rows=rows,
        numeric={f"feature_{i:02d}": values[:, i] for i in range(traffic.features)},
        categorical={},
        embedding=np.zeros((rows, 0), dtype=np.float32),
    )


def _first_alarm(
    traffic: Traffic, windows: int, alpha: float, name: str, rng: np.random.Generator
) -> int | None:
    """Return the number of the window with the first alarm, None without an alarm."""
    detector = load_detector(name)
    reference = gaussian_streams(traffic.reference, traffic, rng)
    state = detector.start(reference, int(rng.integers(2**31)))
    moved = round(traffic.share * traffic.features)
    for window in range(1, windows + 1):
        batch = gaussian_streams(traffic.window, traffic, rng)
        for index in range(moved):
            batch.numeric[f"feature_{index:02d}"][:] += traffic.shift
        state = detector.update(state, batch)
        if alarming_streams(detector.evidence(state), alpha):
            return window
    return None
