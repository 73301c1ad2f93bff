"""Photos that are drawn as they are needed, all from one seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from retread.demos.tires.camera import BOARD, DUSK
from retread.demos.tires.cracks import branching, crazing
from retread.demos.tires.sidewall import SIZE, Conditions, render
from retread.demos.traffic import Sample

GOOD = "good"
DEFECTIVE = "defective"

CLOSE_UP = 64
"""Photos of at most so many pixels are taken in soft light, in which cracks are plain."""


def before(size: int) -> tuple[Conditions, ...]:
    """Return the conditions of the first photos, which are `size` pixels wide and high."""
    if size > CLOSE_UP:
        return (Conditions(),)
    return (Conditions(relief=0.4, scratches=1, dirt=0.15),)


def after(size: int) -> tuple[Conditions, ...]:
    """Return the conditions after the change: evening lamp, second camera, and dusty cracks."""
    return tuple(
        replace(conditions, camera=camera, cracks=(branching, crazing, crazing), dusty_cracks=1.0)
        for conditions in before(size)
        for camera in (DUSK, BOARD)
    )


class DrawnPhotos:
    """`first` photos to train on, `baseline` similar ones, and any number of changed ones.

    Photos are `size` pixels wide and high.
    """

    def __init__(self, seed: int, first: int, baseline: int, size: int = SIZE) -> None:
        seeds = np.random.SeedSequence(seed).spawn(3)
        self._first_rng, self._baseline_rng, self._after_rng = map(np.random.default_rng, seeds)
        self._first = first
        self._baseline = baseline
        self._size = size

    def write_dataset(self, project: Path) -> str:
        photos = project / "photos"
        for label in (GOOD, DEFECTIVE):
            (photos / label).mkdir(parents=True)
        for number in range(self._first):
            label, content = draw(self._first_rng, before(self._size), self._size)
            (photos / label / f"{number:04d}.jpg").write_bytes(content)
        return f"{self._first} photos of tires were drawn, about half of them with cracks."

    def baseline(self) -> Iterator[Sample]:
        for _ in range(self._baseline):
            label, content = draw(self._baseline_rng, before(self._size), self._size)
            yield Sample(content, label)

    def drifted(self) -> Iterator[Sample]:
        while True:
            label, content = draw(self._after_rng, after(self._size), self._size)
            yield Sample(content, label)

    def held_out(self) -> Iterator[Sample]:
        # Every drawing is of another tire.
        return self.drifted()


def draw(
    rng: np.random.Generator, conditions: tuple[Conditions, ...], size: int = SIZE
) -> tuple[str, bytes]:
    """Draw one tire under one of `conditions`; return its label and its JPEG."""
    chosen = conditions[int(rng.integers(len(conditions)))]
    defective = bool(rng.random() < 0.5)
    content = render(rng, defective=defective, conditions=chosen, size=size)
    return DEFECTIVE if defective else GOOD, content
