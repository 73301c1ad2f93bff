"""Monitor traffic: drift with exact evidence and an effect size, performance on delayed labels.

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

A detector is a file of `retread.monitoring.detectors`, or a class of your own.
"""

from retread.monitoring.betting import BettingTest
from retread.monitoring.detector import Detector, alarming_streams, load_detector
from retread.monitoring.effect import effect_sizes
from retread.monitoring.monitor import Monitor
from retread.monitoring.report import (
    MonitorReport,
    PastAlarm,
    PerformanceReport,
    StreamReport,
)
from retread.monitoring.state import restart_watch
from retread.monitoring.streams import Streams, reference_streams, traffic_streams

__all__ = [
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
    "reference_streams",
    "restart_watch",
    "traffic_streams",
]
