"""Tire sidewalls drawn from nothing: heights, light, colour, camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from retread.demos.tires.camera import PHONE, Camera, Floats, shoot
from retread.demos.tires.cracks import FINER, Style, branching, carve, weathering
from retread.demos.tires.surface import Heights, clouds, look, mould, rubber

SIZE = 128


@dataclass(frozen=True, slots=True)
class Conditions:
    """What photos look like for a while: the camera with its light, and how rubber breaks."""

    camera: Camera = PHONE
    cracks: tuple[Style, ...] = (branching, weathering)
    dirt: float = 0.35


def render(
    rng: np.random.Generator, *, defective: bool, conditions: Conditions, size: int = SIZE
) -> bytes:
    """A JPEG of one tire; `size` pixels a side, equal for equal generators.

    Good tires have what a lazy model would take for cracks: ribs, lettering, scratches, dirt.
    """
    view = look(rng, size)
    height = mould(rng, view) + rubber(rng, size)
    depth = np.zeros((size, size), dtype=np.float32)
    if defective:
        style = conditions.cracks[int(rng.integers(len(conditions.cracks)))]
        depth = carve(rng, size, style) * np.float32(rng.uniform(0.6, 1.0))
    scene = _lit(rng, height - 1.5 * depth) * (1 - 0.85 * depth)[..., None]
    scene = _scratched(rng, _soiled(rng, scene, conditions.dirt))
    return shoot(rng, scene, conditions.camera)


def _lit(rng: np.random.Generator, height: Heights) -> Floats:
    """Lambert's law with a glancing light, plus a soft highlight; float32 [size, size, 3]."""
    size = height.shape[0]
    slope_y, slope_x = np.gradient(height)
    angle, steepness = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 0.9)
    relief = rng.uniform(0.5, 1.1)
    toward = slope_x * np.cos(angle) + slope_y * np.sin(angle)
    light = 1 + relief * toward / np.sqrt(1 + slope_x**2 + slope_y**2) / steepness
    axis = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    fall = rng.uniform(0, 0.8)
    light += fall * (axis[None, :] * np.cos(angle) + axis[:, None] * np.sin(angle))
    tone = rng.uniform(0.2, 0.62) * (1 + rng.uniform(0, 0.15) * clouds(rng, size, 4))
    colour = np.array([1.0, 1.0, 1.0]) + rng.normal(0, 0.02, 3)
    lit: Floats = ((np.clip(light, 0.05, 3) * tone)[..., None] * colour).astype(np.float32)
    return lit


def _soiled(rng: np.random.Generator, scene: Floats, share: float) -> Floats:
    """Dust and mud in patches, on about `share` of the tires."""
    if rng.random() > share:
        return scene
    size = scene.shape[0]
    patches = clouds(rng, size, int(rng.integers(3, 9)))
    cover = np.clip(patches - rng.uniform(-0.2, 0.6), 0, 1) * rng.uniform(0.3, 0.8)
    mud = np.array([0.52, 0.46, 0.38], dtype=np.float32) * rng.uniform(0.5, 1.2)
    soiled: Floats = (scene * (1 - cover[..., None]) + mud * cover[..., None]).astype(np.float32)
    return soiled


def _scratched(rng: np.random.Generator, scene: Floats) -> Floats:
    """Straight bright scratches and dark mould seams, on good and bad tires alike."""
    size = scene.shape[0]
    picture = Image.new("L", (size * FINER, size * FINER))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(0, 4))):
        start, angle = rng.uniform(0, 1, 2) * size * FINER, rng.uniform(0, 2 * np.pi)
        length = rng.uniform(0.1, 0.7) * size * FINER
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        draw.line([tuple(start), tuple(end)], fill=int(rng.uniform(60, 200)), width=FINER)
    lines = np.asarray(picture.resize((size, size), Image.Resampling.BOX), dtype=np.float32) / 255
    towards = np.float32(rng.choice((0.08, 0.8)))
    return (scene + (towards - scene) * lines[..., None] * 0.7).astype(np.float32)
