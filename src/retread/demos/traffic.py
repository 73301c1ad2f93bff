"""Send traffic to the model of a demo, and the true labels some time later."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from retread.serving.client import RequestOptions, ServingClient
from retread.serving.prediction import Prediction

BASELINE = "before the change"
DRIFTED = "after the change"
HELD_OUT = "after the change, held out"
"""The kinds of traffic of a demo."""

CLIENTS = 400
"""Distinct routing keys in the traffic."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An image file or a row of features, and its true label."""

    payload: bytes | tuple[float, ...]
    label: str


class SampleSource(Protocol):
    """The first dataset of a demo, and samples to send as traffic."""

    def write_dataset(self, project: Path) -> str:
        """Write the first examples where the project expects them; return what they are, in a
        sentence or two."""
        ...

    def baseline(self) -> Iterator[Sample]:
        """Yield samples like the first examples; each only once, as repetition would be drift."""
        ...

    def drifted(self) -> Iterator[Sample]:
        """Yield samples from after the change, without end; retraining learns from them."""
        ...

    def held_out(self) -> Iterator[Sample]:
        """Yield samples from after the change, without end, of things that appear neither in the
        first examples nor in `baseline` or `drifted`."""
        ...


@dataclass(slots=True)
class MeanScore:
    """The sum of a score over `count` predictions."""

    total: float = 0.0
    count: int = 0

    @property
    def mean(self) -> float:
        """The mean; NaN without predictions."""
        return self.total / self.count if self.count else float("nan")


class TrafficScores:
    """Mean scores by kind of traffic and model version.

    >>> scores = TrafficScores()
    >>> scores.add(BASELINE, 1, 1.0); scores.add(BASELINE, 1, 0.0)
    >>> scores.of(BASELINE, 1)
    MeanScore(total=1.0, count=2)
    """

    def __init__(self) -> None:
        self._scores: dict[tuple[str, int], MeanScore] = {}

    def add(self, kind: str, version: int, value: float) -> None:
        """Add the score of one prediction."""
        score = self._scores.setdefault((kind, version), MeanScore())
        score.total += value
        score.count += 1

    def of(self, kind: str, version: int) -> MeanScore:
        """Return the score of a version on one kind of traffic."""
        return self._scores.get((kind, version), MeanScore())

    def total(self, kind: str) -> int:
        """Return the number of predictions on one kind of traffic, by all versions."""
        return sum(score.count for (of, _), score in self._scores.items() if of == kind)

    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of traffic, in the order in which they came."""
        return tuple(dict.fromkeys(kind for kind, _ in self._scores))

    def versions(self) -> tuple[int, ...]:
        """Return the versions that predicted, in order."""
        return tuple(sorted({version for _, version in self._scores}))


class DelayedLabels:
    """Holds each label back until `delay` more requests were made."""

    def __init__(self, delay: int) -> None:
        self._delay = delay
        self._waiting: deque[tuple[str, str]] = deque()

    def put(self, request_id: str, label: str) -> None:
        """Add the label of a request that was just made."""
        self._waiting.append((request_id, label))

    def due(self) -> tuple[tuple[str, str], ...]:
        """Take out the labels whose delay is over, oldest first.

        >>> labels = DelayedLabels(delay=1)
        >>> labels.put("a", "good"); labels.put("b", "defective")
        >>> labels.due(), labels.due()
        ((('a', 'good'),), ())
        """
        count = max(0, len(self._waiting) - self._delay)
        return tuple(self._waiting.popleft() for _ in range(count))

    def all(self) -> tuple[tuple[str, str], ...]:
        """Take out all labels, oldest first."""
        labels = tuple(self._waiting)
        self._waiting.clear()
        return labels


class TrafficGenerator:
    """Sends samples from many clients; `scores` counts right predictions by kind of traffic."""

    def __init__(self, client: ServingClient, seed: int, label_delay: int) -> None:
        self._client = client
        self._labels = DelayedLabels(label_delay)
        self._random = random.Random(seed)  # noqa: S311 (routing keys are not secrets)
        self.scores = TrafficScores()
        self.last_request_id: str | None = None

    def send(self, sample: Sample, kind: str) -> Prediction:
        """Request one prediction, and send the labels that are due by now."""
        key = f"client-{self._random.randrange(CLIENTS)}"
        predicted = predict(self._client, sample.payload, key)
        self.scores.add(kind, predicted.model_version, float(predicted.label == sample.label))
        self._labels.put(predicted.id, sample.label)
        self._client.feedback_many(self._labels.due())
        self.last_request_id = predicted.id
        return predicted

    def finish(self) -> None:
        """Send all labels that are still outstanding."""
        self._client.feedback_many(self._labels.all())


def predict(client: ServingClient, payload: bytes | Sequence[float], key: str) -> Prediction:
    """Request a prediction for a JPEG file or a row of features, with the routing key `key`."""
    return client.predict(payload, options=RequestOptions(key=key))
