"""`retread demo iris`: two runs side by side on real flowers, and a ruler that goes wrong.

Feature preparation is not a step before training: features are the columns of the dataset version,
with their schema, profile and splits, and what a model makes of them is part of its own graph, so
that serving prepares them identically.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from retread.app.projects import iris_csv
from retread.demos.environment import Values
from retread.demos.labelled_demo import DemoConfig, run_labelled_demo
from retread.demos.reporter import Reporter
from retread.demos.results import DemoResults
from retread.demos.traffic import Sample

TRAFFIC_FLOWERS = 50
"""Flowers that are not in the first dataset."""

HELD_OUT_FLOWERS = 20
"""Those of them that are sent only once there is a new model."""

_NOISE_CM = 0.05
_ERROR_CM = 1.2

SETTINGS: Values = {
    "gate": {"threshold": 0.7},
    # A model that has learned the wrong ruler disagrees with the one before it most of the time.
    "canary": {"max_disagreement": 0.9},
    "monitoring": {"interval_s": 0.5, "window": 15, "min_labels": 20},
    "triggers": {"min_labelled": 150, "label_wait_s": 120.0},
}

CONFIG = DemoConfig(
    name="iris",
    things="flowers",
    change="A ruler is held at the wrong end: petals measure 1.2 cm too long and too wide.",
    # Fewer than a window, so that there is no further alarm.
    after_retraining=10,
    training_pause_s=0.25,
    caveat=(
        "Traffic samples the same few flowers repeatedly and does not identify them, so a flower "
        "may end up in two splits of iris@2. This inflates the metrics of version 2. The last row "
        "is measured on flowers that were in no dataset and no earlier traffic."
    ),
)


def run(folder: Path, seed: int, reporter: Reporter) -> DemoResults:
    """Run the demo in a new project in `folder`."""
    return run_labelled_demo(folder, Flowers(seed), SETTINGS, CONFIG, seed, reporter)


class Flowers:
    """Fisher's measurements; each flower is in the first dataset, in the traffic before there is a
    new model, or in the traffic after that, and only in one of them."""

    def __init__(self, seed: int) -> None:
        rows = list(csv.reader(io.StringIO(iris_csv().decode())))
        self._header, flowers = rows[0], rows[1:]
        self._rng = np.random.default_rng(seed)
        shuffled = [flowers[int(index)] for index in self._rng.permutation(len(flowers))]
        self._held_out = shuffled[:HELD_OUT_FLOWERS]
        self._traffic = shuffled[HELD_OUT_FLOWERS:TRAFFIC_FLOWERS]
        self._first = shuffled[TRAFFIC_FLOWERS:]

    def write_dataset(self, project: Path) -> str:
        with (project / "iris.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self._header, *self._first])
        return (
            f"{len(self._first)} flowers to train on, four measurements each. "
            f"{len(self._traffic)} others will be the traffic, and {len(self._held_out)} more are "
            "held out until there is a new model."
        )

    def baseline(self) -> Iterator[Sample]:
        for flower in self._traffic:
            yield Sample(_measurements(flower), flower[-1])

    def drifted(self) -> Iterator[Sample]:
        return self._mismeasured(self._traffic)

    def held_out(self) -> Iterator[Sample]:
        return self._mismeasured(self._held_out)

    def _mismeasured(self, flowers: list[list[str]]) -> Iterator[Sample]:
        while True:
            flower = flowers[int(self._rng.integers(len(flowers)))]
            yield Sample(mismeasured(self._rng, _measurements(flower)), flower[-1])


def mismeasured(rng: np.random.Generator, lengths: tuple[float, ...]) -> tuple[float, ...]:
    """Return sepals with a little noise, and petals that are also 1.2 cm too long and too wide."""
    values = np.array(lengths) + rng.normal(0, _NOISE_CM, len(lengths))
    values[2:] += _ERROR_CM
    return tuple(float(value) for value in values.round(2))


def _measurements(flower: list[str]) -> tuple[float, ...]:
    return tuple(float(value) for value in flower[:-1])
