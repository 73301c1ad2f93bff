"""Fisher's flowers: two thirds to learn from, the rest as traffic, and a ruler that goes wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from retread.app.new_project import iris_csv
from retread.demos.question import Question

HELD_BACK = 50
_SPREAD = 0.05


class Flowers:
    """The real measurements, each used once; later ones are measured from the wrong end."""

    def __init__(self, seed: int) -> None:
        rows = list(csv.reader(io.StringIO(iris_csv().decode())))
        self._header, flowers = rows[0], rows[1:]
        self._rng = np.random.default_rng(seed)
        order = self._rng.permutation(len(flowers))
        self._traffic = [flowers[int(place)] for place in order[:HELD_BACK]]
        self._first = [flowers[int(place)] for place in order[HELD_BACK:]]

    def lay_out(self, project: Path) -> str:
        with (project / "iris.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self._header, *self._first])
        return (
            f"{len(self._first)} flowers to begin with; {HELD_BACK} others are held back and will "
            "come as traffic."
        )

    def quiet(self) -> Iterator[Question]:
        for flower in self._traffic:
            yield Question(_numbers(flower), flower[-1])

    def drifted(self) -> Iterator[Question]:
        while True:
            flower = self._traffic[int(self._rng.integers(len(self._traffic)))]
            yield Question(wrongly_measured(self._rng, _numbers(flower)), flower[-1])


def wrongly_measured(rng: np.random.Generator, numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Sepals as before; petals with 1.2 cm too much, by a ruler held at its other end."""
    values = np.array(numbers) + rng.normal(0, _SPREAD, len(numbers))
    values[2:] += 1.2
    return tuple(float(value) for value in values.round(2))


def _numbers(flower: list[str]) -> tuple[float, ...]:
    return tuple(float(value) for value in flower[:-1])
