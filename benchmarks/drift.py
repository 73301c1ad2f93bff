"""Seconds of one drift check of 100,000 x 35, and the detector's figures by simulation.

    python benchmarks/drift.py [--watches N] [--windows N]

Exit 1 when more than 5 % of the quiet watches raise an alarm.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from retread.monitoring import load_detector
from retread.monitoring.simulation import TRAFFICS, Traffic, gaussian_streams, simulate_watches

ROWS = 100_000
REPEATS = 5
FALSE_ALARMS = 0.05


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--watches", type=int, default=20)
    parser.add_argument("--windows", type=int, default=20)
    options = parser.parse_args()
    print(f"one check of {ROWS:,} x 35: {check_seconds():.3f} s (median of {REPEATS})")
    quiet_enough = True
    for traffic in TRAFFICS:
        figures = simulate_watches(traffic, watches=options.watches, windows=options.windows)
        print(
            f"{figures.traffic}: alarm in {figures.alarmed} of {figures.watches} watches of "
            f"{figures.windows} windows, median after {figures.median_windows or 0:g}"
        )
        if traffic.shift == 0.0:
            quiet_enough = figures.alarmed <= FALSE_ALARMS * figures.watches
    return 0 if quiet_enough else 1


def check_seconds() -> float:
    """Median time of one update and its evidence; the reference was taken in before."""
    rng = np.random.default_rng(0)
    wide = Traffic(name="wide", features=35)
    detector = load_detector("conformal")
    state = detector.start(gaussian_streams(ROWS, wide, rng), 0)
    batch = gaussian_streams(ROWS, wide, rng)
    times = []
    for _ in range(REPEATS):
        before = time.perf_counter()
        detector.evidence(detector.update(state, batch))
        times.append(time.perf_counter() - before)
    return float(np.median(times))


if __name__ == "__main__":
    sys.exit(main())
