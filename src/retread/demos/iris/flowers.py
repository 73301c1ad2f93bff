"""Fisher's flowers: two thirds to learn from, the rest as traffic, and a ruler that goes wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from retread.app.projects import iris_csv
from retread.demos.question import Question

HELD_BACK = 50
LATER = 20
"""Of those held back, how many nobody asks about before there is a new model."""

_SPREAD = 0.05


class Flowers:
    """The real measurements; each flower is laid out, or asked about before a new model is made,
    or after that, and in no more than one of these ways."""

    def __init__(self, seed: int) -> None:
        rows = list(csv.reader(io.StringIO(iris_csv().decode())))
        self._header, flowers = rows[0], rows[1:]
        self._rng = np.random.default_rng(seed)
        order = [flowers[int(place)] for place in self._rng.permutation(len(flowers))]
        self._later, self._traffic = order[:LATER], order[LATER:HELD_BACK]
        self._first = order[HELD_BACK:]

    def lay_out(self, project: Path) -> str:
        with (project / "iris.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self._header, *self._first])
        return (
            f"{len(self._first)} flowers to begin with, four measurements each. {HELD_BACK} others "
            f"are held back as traffic, {LATER} of them until there is a new model."
        )

    def quiet(self) -> Iterator[Question]:
        for flower in self._traffic:
            yield Question(_numbers(flower), flower[-1])

    def drifted(self) -> Iterator[Question]:
        return self._wrong(self._traffic)

    def fresh(self) -> Iterator[Question]:
        return self._wrong(self._later)

    def _wrong(self, flowers: list[list[str]]) -> Iterator[Question]:
        while True:
            flower = flowers[int(self._rng.integers(len(flowers)))]
            yield Question(wrongly_measured(self._rng, _numbers(flower)), flower[-1])


def wrongly_measured(rng: np.random.Generator, numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Sepals as before; petals with 1.2 cm too much, by a ruler held at its other end."""
    values = np.array(numbers) + rng.normal(0, _SPREAD, len(numbers))
    values[2:] += 1.2
    return tuple(float(value) for value in values.round(2))


def _numbers(flower: list[str]) -> tuple[float, ...]:
    return tuple(float(value) for value in flower[:-1])
