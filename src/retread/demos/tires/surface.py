"""The moulded surface of a sidewall, as heights: rings, ribs, lettering, rubber."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Heights = npt.NDArray[np.float32]
"""float32 [size, size]; 1 is about the relief of a moulded letter."""

_WORDS = (
    "RADIAL TUBELESS", "205/55 R16 91V", "MAX LOAD 615 KG", "TREADWEAR 440", "M+S", "OUTSIDE",
    "TRACTION AA", "DOT 4X7R", "STEEL BELTED", "ROTATION", "225/45 R17", "REINFORCED", "E13",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Where each pixel lies on the tire: `radius` and `along` (arc length) in picture widths,
    and the same `depth` away from the tread at each pixel, 0 at the picture's middle."""

    along: Heights
    depth: Heights


def look(rng: np.random.Generator, size: int) -> View:
    """A close-up from a random side, height and distance."""
    turn = rng.uniform(0, 2 * np.pi)
    zoom = rng.uniform(0.75, 1.35)
    bend = rng.uniform(1.2, 5.0)
    axis = (np.arange(size, dtype=np.float32) / size - 0.5) * np.float32(zoom)
    x, y = axis[None, :], axis[:, None]
    # A camera held at an angle sees one side larger than the other.
    x = x * (1 + np.float32(rng.uniform(-0.35, 0.35)) * y)
    u, v = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    radius = np.hypot(u, v + bend)
    along = np.arctan2(u, v + bend) * bend + rng.uniform(0, 10)
    return View(along=along.astype(np.float32), depth=(radius - bend).astype(np.float32))


def mould(rng: np.random.Generator, view: View) -> Heights:
    """Rings always, ribs and lettering often."""
    height: Heights = _rings(rng, view)
    if rng.random() < 0.65:
        height += _ribs(rng, view)
    if rng.random() < 0.7:
        height += _lettering(rng, view)
    return height


def rubber(rng: np.random.Generator, size: int) -> Heights:
    """Grain of the rubber and unevenness of the wall."""
    grain = rng.standard_normal((size, size), np.float32) * np.float32(rng.uniform(0.02, 0.08))
    waves: Heights = 0.5 * clouds(rng, size, 5) + rng.uniform(0.05, 0.25) * clouds(rng, size, 24)
    return grain + waves


def clouds(rng: np.random.Generator, size: int, cells: int) -> Heights:
    """Smooth noise with about `cells` bumps a side; mean 0, standard deviation about 0.6."""
    coarse = Image.fromarray(rng.standard_normal((cells, cells), np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)


def _rings(rng: np.random.Generator, view: View) -> Heights:
    height = np.zeros_like(view.depth)
    for _ in range(int(rng.integers(1, 4))):
        edge, width = rng.uniform(-0.6, 0.6), rng.uniform(0.008, 0.03)
        if rng.random() < 0.5:
            height += rng.uniform(-0.6, 0.6) * (1 + np.tanh((edge - view.depth) / width))
        else:
            height += rng.uniform(0.4, 1.0) * np.exp(-(((view.depth - edge) / width) ** 2))
    return height


def _ribs(rng: np.random.Generator, view: View) -> Heights:
    low = rng.uniform(-0.6, 0.3)
    band = (view.depth > low) & (view.depth < low + rng.uniform(0.12, 0.45))
    phase = view.along + rng.uniform(-1, 1) * view.depth
    wave = np.sin(phase * (2 * np.pi * rng.uniform(14, 42)))
    ribs: Heights = (rng.uniform(0.15, 0.55) * wave * band).astype(np.float32)
    return ribs


def _lettering(rng: np.random.Generator, view: View) -> Heights:
    strip = _strip(int(rng.integers(len(_WORDS))))
    tall = rng.uniform(0.12, 0.45)
    row = (view.depth - rng.uniform(-0.4, 0.25)) / tall * strip.shape[0]
    column = (view.along / tall * strip.shape[0]).astype(np.int32) % strip.shape[1]
    inside = (row >= 0) & (row < strip.shape[0])
    letters = strip[np.clip(row, 0, strip.shape[0] - 1).astype(np.int32), column]
    relief = rng.uniform(0.5, 1.4) * float(rng.choice((-1, 1, 1)))
    raised: Heights = (letters * inside * relief).astype(np.float32)
    return raised


@cache
def _strip(word: int) -> Heights:
    """One word, flat, bevelled by shrinking; float32 [48, width] in 0..1."""
    font = ImageFont.load_default(80)
    box = font.getbbox(_WORDS[word])
    picture = Image.new("L", (int(box[2]) + 90, 96))
    ImageDraw.Draw(picture).text((20, 0), _WORDS[word], fill=255, font=font)
    small = picture.resize((picture.width // 2, 48), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / np.float32(255)
