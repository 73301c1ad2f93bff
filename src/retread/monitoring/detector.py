"""The interface of detectors, and when their evidence is an alarm."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import AbstractContextManager
from math import isfinite, log
from typing import Any, Protocol, TypeVar, cast

from retread.core import (
    InvalidInput,
    accepts_arguments,
    code_of_user,
    floats,
    import_callable,
    invalid_plugin,
    is_import_string,
    load_plugin,
)
from retread.monitoring import detectors
from retread.monitoring.streams import Streams

S = TypeVar("S")

_KIND = "detector"
_INTERFACE = "retread.monitoring.Detector"
_METHODS = ("start", "update", "evidence", "encode", "decode")


class Detector(Protocol[S]):
    """Watches streams batch by batch.

    A file of `retread/monitoring/detectors` offers `detector() -> Detector`; a detector of your
    own is named as `package.module:Class`. All methods are pure: the state is a value, and
    randomness comes from the seed.
    """

    def start(self, reference: Streams, seed: int) -> S:
        """Return the state before any traffic."""
        ...

    def update(self, state: S, batch: Streams) -> S:
        """Return the state after another batch of at least one row."""
        ...

    def evidence(self, state: S) -> dict[str, float]:
        """Return the log-odds against no change per stream, corrected for their number.

        In quiet traffic, the chance that any of them ever exceeds log(1/alpha) is at most alpha.
        """
        ...

    def encode(self, state: S) -> bytes:
        """Encode a state for the database."""
        ...

    def decode(self, content: bytes) -> S:
        """Decode a state; inverse of `encode`."""
        ...


def load_detector(name: str) -> Detector[Any]:
    """Load a detector.

    Args:
        name: The name of a file of `retread/monitoring/detectors`, or `package.module:Class`.

    Raises:
        UnknownOption: There is no such file.
        InvalidInput: The class cannot be imported or created, or does not implement Detector.
    """
    if is_import_string(name):
        return _own_detector(name)
    return cast("Detector[Any]", load_plugin(detectors, _KIND, name).detector())


def alarming_streams(evidence: Mapping[str, float], alpha: float) -> tuple[str, ...]:
    """Return the streams to name, the strongest first; none unless the strongest is an alarm.

    This is the step-up rule of e-BH (Wang and Ramdas 2022), on evidence that is already corrected
    for the number of streams: the k strongest are named for the largest k whose k-th reaches
    log(1 / (alpha k)). For evidence that is read once, the false discovery rate among the named
    streams is at most alpha. For an alarm that is read when it rises it is a rule of thumb, and
    only the alarm itself is exact.

    >>> alarming_streams({"a": 5.0, "b": 2.4, "c": 0.1}, alpha=0.05)
    ('a', 'b')
    """
    ranked = sorted(evidence, key=lambda name: (-evidence[name], name))
    if not ranked or evidence[ranked[0]] < log(1 / alpha):
        return ()
    reach = [k for k, name in enumerate(ranked, 1) if evidence[name] >= -log(alpha * k)]
    return tuple(ranked[: max(reach)])


def _own_detector(name: str) -> Detector[Any]:
    create = import_callable(_KIND, name, _INTERFACE, ())
    with code_of_user(_KIND, name, _INTERFACE, "cannot be created"):
        detector = create()
        missing = _missing(detector)
    if missing:
        raise invalid_plugin(_KIND, name, _INTERFACE, missing)
    return _OwnDetector(name, cast("Detector[Any]", detector))


class _OwnDetector:
    """A detector of the user's own, `package.module:Class`, whose results are checked."""

    def __init__(self, name: str, detector: Detector[Any]) -> None:
        self._name = name
        self._detector = detector

    def start(self, reference: Streams, seed: int) -> Any:
        with self._reported("start"):
            return self._detector.start(reference, seed)

    def update(self, state: Any, batch: Streams) -> Any:
        with self._reported("update"):
            return self._detector.update(state, batch)

    def evidence(self, state: Any) -> dict[str, float]:
        with self._reported("evidence"):
            returned = self._detector.evidence(state)
        try:
            evidence = floats(returned)
        except ValueError as error:
            raise self._invalid(f"evidence() returned {error}") from error
        for stream, value in evidence.items():
            if not isfinite(value):
                raise self._invalid(f"evidence() returned {value} for {stream!r}")
        return evidence

    def encode(self, state: Any) -> bytes:
        with self._reported("encode"):
            content: object = self._detector.encode(state)
        if not isinstance(content, bytes):
            type_ = type(content).__name__
            raise self._invalid(f"encode() returned an object of type {type_}, not bytes")
        return content

    def decode(self, content: bytes) -> Any:
        with self._reported("decode"):
            return self._detector.decode(content)

    def _reported(self, method: str) -> AbstractContextManager[None]:
        return code_of_user(_KIND, self._name, _INTERFACE, f"failed in {method}()")

    def _invalid(self, problem: str) -> InvalidInput:
        return invalid_plugin(_KIND, self._name, _INTERFACE, problem)


def _missing(detector: object) -> str | None:
    """Say what `detector` lacks to be a Detector; None if nothing."""
    for name in _METHODS:
        method = getattr(detector, name, None)
        if not callable(method):
            return f"it has no method {name}()"
        parameters = list(inspect.signature(getattr(Detector, name)).parameters)[1:]
        if not accepts_arguments(method, len(parameters)):
            return f"{name}() does not accept the arguments ({', '.join(parameters)})"
    return None
