"""What a detector is, and when its evidence is an alarm."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any, Protocol, TypeVar, cast

from retread.core import import_from_string, is_import_string, load_plugin
from retread.monitoring import detectors
from retread.monitoring.streams import Streams

S = TypeVar("S")


class Detector(Protocol[S]):
    """Watches streams batch by batch.

    A file of `retread/monitoring/detectors` offers `detector() -> Detector`. Every method is
    pure: the state is a value, and what is random is drawn from the seed.
    """

    def start(self, reference: Streams, seed: int) -> S:
        """The state before any traffic."""
        ...

    def update(self, state: S, batch: Streams) -> S:
        """The state after one more batch of at least one row."""
        ...

    def evidence(self, state: S) -> dict[str, float]:
        """Log of the odds against no change, by stream, with the number of streams accounted
        for: the chance that any ever exceeds log(1/alpha) in quiet traffic is at most alpha."""
        ...

    def encode(self, state: S) -> bytes: ...

    def decode(self, content: bytes) -> S: ...


def load_detector(name: str) -> Detector[Any]:
    """A detector by file name or by `package.module:Class`; UnknownOption, InvalidInput."""
    if is_import_string(name):
        return cast("Detector[Any]", import_from_string("detector", name)())
    return cast("Detector[Any]", load_plugin(detectors, "detector", name).detector())


def alarming_streams(evidence: Mapping[str, float], alpha: float) -> tuple[str, ...]:
    """The streams to name, most evident first; empty unless the strongest is an alarm by itself.

    The step-up rule of e-BH (Wang and Ramdas 2022), on evidence that has the number of streams in
    it already: the k strongest are named for the largest k whose k-th reaches log(1 / (alpha k)).
    For evidence read once, the false discovery rate among the named is at most alpha; for an
    alarm read at the moment it rises it is a rule of thumb, and only the alarm itself is exact.

    >>> alarming_streams({"a": 5.0, "b": 2.4, "c": 0.1}, alpha=0.05)
    ('a', 'b')
    """
    ranked = sorted(evidence, key=lambda name: (-evidence[name], name))
    if not ranked or evidence[ranked[0]] < log(1 / alpha):
        return ()
    reach = [k for k, name in enumerate(ranked, 1) if evidence[name] >= -log(alpha * k)]
    return tuple(ranked[: max(reach)])
