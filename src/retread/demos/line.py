"""A line of stations that ask the model, and people who say later what was right."""

from __future__ import annotations

import random

from retread.demos.client import Client
from retread.demos.late_labels import LateLabels
from retread.demos.question import Question
from retread.demos.scores import Scores
from retread.serving.client import Prediction

STATIONS = 400


class Line:
    """`ask` asks one question; `scores` counts right answers as people see them later."""

    def __init__(self, client: Client, seed: int, label_delay: int) -> None:
        self._client = client
        self._labels = LateLabels(label_delay)
        self._random = random.Random(seed)  # noqa: S311 (which station asks is no secret)
        self.scores = Scores()
        self.last_id = ""

    def ask(self, question: Question, kind: str) -> Prediction:
        reply = self._client.ask(question.payload, f"station-{self._random.randrange(STATIONS)}")
        self.scores.add(kind, reply.model_version, float(reply.label == question.truth))
        self._labels.put(reply.id, question.truth)
        self._send(self._labels.due())
        self.last_id = reply.id
        return reply

    def finish(self) -> None:
        """Send the labels that are still out."""
        self._send(self._labels.all())

    def _send(self, labels: tuple[tuple[str, str], ...]) -> None:
        for request_id, label in labels:
            self._client.feedback(request_id, label)
