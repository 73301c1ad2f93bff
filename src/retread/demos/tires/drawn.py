"""Photos that are drawn when they are asked for, all of them from one seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from retread.demos.question import Question
from retread.demos.tires.camera import BOARD, DUSK
from retread.demos.tires.cracks import branching, crazing, weathering
from retread.demos.tires.render import Conditions, render

GOOD = "good"
DEFECTIVE = "defective"

FIRST = (Conditions(),)
LATER = (
    Conditions(camera=DUSK, cracks=(branching, weathering, crazing, crazing)),
    Conditions(camera=BOARD, cracks=(branching, weathering, crazing, crazing)),
)
"""What the line looks like later: an evening lamp, a second camera, cracks nobody has seen."""


class DrawnPhotos:
    """`first` photos to learn from, `quiet` ones like them, and as many changed ones as wanted."""

    def __init__(self, seed: int, first: int, quiet: int) -> None:
        seeds = np.random.SeedSequence(seed).spawn(3)
        self._first_rng, self._quiet_rng, self._later_rng = map(np.random.default_rng, seeds)
        self._first = first
        self._quiet = quiet

    def lay_out(self, project: Path) -> str:
        photos = project / "photos"
        for label in (GOOD, DEFECTIVE):
            (photos / label).mkdir(parents=True)
        for number in range(self._first):
            label, content = draw(self._first_rng, FIRST)
            (photos / label / f"{number:04d}.jpg").write_bytes(content)
        return f"{self._first} photos of tires were drawn, about half of them with cracks."

    def quiet(self) -> Iterator[Question]:
        for _ in range(self._quiet):
            label, content = draw(self._quiet_rng, FIRST)
            yield Question(content, label)

    def drifted(self) -> Iterator[Question]:
        while True:
            label, content = draw(self._later_rng, LATER)
            yield Question(content, label)

    def fresh(self) -> Iterator[Question]:
        """Every drawing is of another tire."""
        return self.drifted()


def draw(rng: np.random.Generator, conditions: tuple[Conditions, ...]) -> tuple[str, bytes]:
    """The label and the JPEG of one tire under one of `conditions`."""
    now = conditions[int(rng.integers(len(conditions)))]
    defective = bool(rng.random() < 0.5)
    return DEFECTIVE if defective else GOOD, render(rng, defective=defective, conditions=now)
