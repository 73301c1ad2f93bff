"""Draw cracks, one function per style, as depth on a picture of twice the resolution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from retread.demos.tires.camera import Floats

CrackStyle = Callable[[np.random.Generator, ImageDraw.ImageDraw, int], None]

FINER = 2
"""Resolution of the cracks relative to the photo."""

_UNIT_AT = 256


def carve(rng: np.random.Generator, size: int, style: CrackStyle) -> Floats:
    """Return the depth of cracks in one style; float32 [size, size] in 0..1."""
    picture = Image.new("L", (size * FINER, size * FINER))
    style(rng, ImageDraw.Draw(picture), size * FINER)
    small = picture.resize((size, size), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / np.float32(255)


def branching(rng: np.random.Generator, draw: ImageDraw.ImageDraw, size: int) -> None:
    """Draw a few long cracks that wander and split."""
    for _ in range(int(rng.integers(2, 5))):
        start = rng.uniform(0.15, 0.85, 2) * size
        width = rng.uniform(1.5, 3.2) * _unit(size)
        _wander(rng, draw, start, rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 1.0) * size, width)


def weathering(rng: np.random.Generator, draw: ImageDraw.ImageDraw, size: int) -> None:
    """Draw many short cracks in one direction, in one patch."""
    middle, spread = rng.uniform(0.25, 0.75, 2) * size, rng.uniform(0.1, 0.3) * size
    direction = rng.uniform(0, np.pi)
    for _ in range(int(rng.integers(18, 44))):
        start = middle + rng.normal(0, spread, 2)
        angle = direction + rng.normal(0, 0.15)
        length = rng.uniform(0.05, 0.2) * size
        _wander(rng, draw, start, angle, length, rng.uniform(1.1, 2.2) * _unit(size), splits=0.0)


def crazing(rng: np.random.Generator, draw: ImageDraw.ImageDraw, size: int) -> None:
    """Draw a net of fine cells, as ozone and sun cause it; it first appears as drift."""
    cells = int(rng.integers(5, 10))
    step = size * rng.uniform(0.5, 0.9) / cells
    corner = rng.uniform(-0.05, 0.4, 2) * size
    grid = np.stack(np.meshgrid(np.arange(cells + 1), np.arange(cells + 1)), axis=-1) * step
    grid[1::2, :, 0] += step / 2
    knots = corner + grid + rng.normal(0, 0.22 * step, grid.shape)
    width = max(1, round(rng.uniform(1.0, 2.0) * _unit(size)))
    for row in range(cells + 1):
        for column in range(cells + 1):
            for other in ((row + 1, column), (row, column + 1)):
                if max(other) <= cells and rng.random() < 0.8:
                    bow = (knots[row, column] + knots[other]) / 2 + rng.normal(0, 0.12 * step, 2)
                    bent = [tuple(knots[row, column]), tuple(bow), tuple(knots[other])]
                    draw.line(bent, fill=int(rng.uniform(110, 255)), width=width)


def _wander(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    start: np.typing.NDArray[np.float64],
    angle: float,
    length: float,
    width: float,
    splits: float = 0.12,
) -> None:
    """Draw a jagged walk that tapers off; at each step, a thinner one branches off with
    probability `splits`."""
    steps = max(3, int(length / 7))
    position = start
    for step in range(steps):
        angle += rng.normal(0, 0.35)
        onward = position + 7 * np.array([np.cos(angle), np.sin(angle)])
        left = 1 - step / steps
        shade = int(110 + 145 * left)
        draw.line([tuple(position), tuple(onward)], fill=shade, width=max(1, round(width * left)))
        if rng.random() < splits:
            turn = rng.choice((-1, 1)) * rng.uniform(0.5, 1.2)
            _wander(rng, draw, onward, angle + turn, length * left / 2, width * 0.7, 0.05)
        position = onward


def _unit(size: int) -> float:
    """Width of a thin crack in a picture of `size` pixels; in small ones it is no thinner, so that
    it still shows."""
    return max(size, _UNIT_AT) / 128
