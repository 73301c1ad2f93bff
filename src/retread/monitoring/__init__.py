"""Watching traffic: drift with exact evidence and an effect size, performance by late labels.

>>> import numpy as np
>>> from retread.monitoring import Streams, alarming_streams, load_detector
>>> def rows(values):
...     return Streams(len(values), {"light": values}, {}, np.zeros((len(values), 0), np.float32))
>>> rng = np.random.default_rng(0)
>>> detector = load_detector("conformal")
>>> state = detector.start(rows(rng.normal(size=500)), seed=0)
>>> quiet = detector.update(state, rows(rng.normal(size=100)))
>>> alarming_streams(detector.evidence(quiet), alpha=0.05)
()
>>> loud = detector.update(quiet, rows(rng.normal(loc=1.5, size=100)))
>>> alarming_streams(detector.evidence(loud), alpha=0.05)
('light',)

A detector is a file of `retread.monitoring.detectors`.
"""

from retread.monitoring.betting import BettingTest, place
from retread.monitoring.detector import Detector, alarming_streams, load_detector
from retread.monitoring.effect import effect_sizes
from retread.monitoring.monitor import Alarm, Monitor
from retread.monitoring.report import (
    MonitorReport,
    PastAlarm,
    PerformanceReport,
    StreamReport,
)
from retread.monitoring.streams import Streams, reference_streams, traffic_streams

__all__ = [
    "Alarm",
    "BettingTest",
    "Detector",
    "Monitor",
    "MonitorReport",
    "PastAlarm",
    "PerformanceReport",
    "StreamReport",
    "Streams",
    "alarming_streams",
    "effect_sizes",
    "load_detector",
    "place",
    "reference_streams",
    "traffic_streams",
]
