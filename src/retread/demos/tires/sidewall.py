"""Draw photos of tire sidewalls: relief, light, color, camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from retread.demos.tires.camera import PHONE, Camera, Floats, shoot
from retread.demos.tires.cracks import FINER, CrackStyle, branching, carve, weathering

SIZE = 128
_DUST = np.array([1.0, 0.85, 0.45], dtype=np.float32)

_WORDS = (
    "RADIAL TUBELESS", "205/55 R16 91V", "MAX LOAD 615 KG", "TREADWEAR 440", "M+S", "OUTSIDE",
    "TRACTION AA", "DOT 4X7R", "STEEL BELTED", "ROTATION", "225/45 R17", "REINFORCED", "E13",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conditions:
    """What photos look like for a while.

    Attributes:
        camera: The camera and its light.
        cracks: How rubber cracks, each as likely as the others.
        relief: How strongly the light shows the relief; little in soft light.
        scratches: Most scratches and seams on a tire.
        dirt: Share of tires with dust or mud.
        dusty_cracks: Share of tires whose cracks are filled with pale dust, neither deep nor dark.
    """

    camera: Camera = PHONE
    cracks: tuple[CrackStyle, ...] = (branching, weathering)
    relief: float = 1.0
    scratches: int = 3
    dirt: float = 0.35
    dusty_cracks: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class CameraView:
    """Where each pixel lies on the tire, in picture widths: `along` is the arc length, `depth` the
    distance from the tread, 0 in the middle of the picture."""

    along: Floats
    depth: Floats


def render(
    rng: np.random.Generator, *, defective: bool, conditions: Conditions, size: int = SIZE
) -> bytes:
    """Return a JPEG of one tire, `size` pixels wide and high; the same for equal generators.

    Good tires have what a lazy model would take for cracks: ribs, lettering, scratches, dirt.
    """
    view = random_view(rng, size)
    height = moulding(rng, view) + rubber_texture(rng, size)
    depth = np.zeros((size, size), dtype=np.float32)
    if defective:
        style = conditions.cracks[int(rng.integers(len(conditions.cracks)))]
        depth = carve(rng, size, style) * np.float32(rng.uniform(0.6, 1.0))
    filled = bool(rng.random() < conditions.dusty_cracks)
    groove = np.zeros_like(depth) if filled else depth
    scene = _lit(rng, conditions.relief * height - 1.5 * groove) * (1 - 0.85 * groove)[..., None]
    if filled:
        scene = scene * (1 - depth[..., None]) + _DUST * depth[..., None]
    scene = _scratched(rng, _soiled(rng, scene, conditions.dirt), conditions.scratches)
    return shoot(rng, scene, conditions.camera)


def random_view(rng: np.random.Generator, size: int) -> CameraView:
    """Return a close-up from a random side, height and distance."""
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
    return CameraView(along=along.astype(np.float32), depth=(radius - bend).astype(np.float32))


def moulding(rng: np.random.Generator, view: CameraView) -> Floats:
    """Return the heights of rings and, often, ribs and lettering."""
    height: Floats = _rings(rng, view)
    if rng.random() < 0.65:
        height += _ribs(rng, view)
    if rng.random() < 0.7:
        height += _lettering(rng, view)
    return height


def rubber_texture(rng: np.random.Generator, size: int) -> Floats:
    """Return the grain of the rubber and the unevenness of the wall."""
    grain = rng.standard_normal((size, size), np.float32) * np.float32(rng.uniform(0.02, 0.08))
    waves: Floats = 0.5 * clouds(rng, size, 5) + rng.uniform(0.05, 0.25) * clouds(rng, size, 24)
    return grain + waves


def clouds(rng: np.random.Generator, size: int, cells: int) -> Floats:
    """Return smooth noise with about `cells` bumps per side; mean 0, deviation about 0.6."""
    coarse = Image.fromarray(rng.standard_normal((cells, cells), np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)


def _rings(rng: np.random.Generator, view: CameraView) -> Floats:
    height = np.zeros_like(view.depth)
    for _ in range(int(rng.integers(1, 4))):
        edge, width = rng.uniform(-0.6, 0.6), rng.uniform(0.008, 0.03)
        if rng.random() < 0.5:
            height += rng.uniform(-0.6, 0.6) * (1 + np.tanh((edge - view.depth) / width))
        else:
            height += rng.uniform(0.4, 1.0) * np.exp(-(((view.depth - edge) / width) ** 2))
    return height


def _ribs(rng: np.random.Generator, view: CameraView) -> Floats:
    low = rng.uniform(-0.6, 0.3)
    band = (view.depth > low) & (view.depth < low + rng.uniform(0.12, 0.45))
    phase = view.along + rng.uniform(-1, 1) * view.depth
    wave = np.sin(phase * (2 * np.pi * rng.uniform(14, 42)))
    ribs: Floats = (rng.uniform(0.15, 0.55) * wave * band).astype(np.float32)
    return ribs


def _lettering(rng: np.random.Generator, view: CameraView) -> Floats:
    strip = _strip(int(rng.integers(len(_WORDS))))
    tall = rng.uniform(0.12, 0.45)
    row = (view.depth - rng.uniform(-0.4, 0.25)) / tall * strip.shape[0]
    column = (view.along / tall * strip.shape[0]).astype(np.int32) % strip.shape[1]
    inside = (row >= 0) & (row < strip.shape[0])
    letters = strip[np.clip(row, 0, strip.shape[0] - 1).astype(np.int32), column]
    relief = rng.uniform(0.5, 1.4) * float(rng.choice((-1, 1, 1)))
    raised: Floats = (letters * inside * relief).astype(np.float32)
    return raised


@cache
def _strip(word: int) -> Floats:
    """Return one word in relief, bevelled by shrinking; float32 [48, width] in 0..1."""
    font = ImageFont.load_default(80)
    box = font.getbbox(_WORDS[word])
    picture = Image.new("L", (int(box[2]) + 90, 96))
    ImageDraw.Draw(picture).text((20, 0), _WORDS[word], fill=255, font=font)
    small = picture.resize((picture.width // 2, 48), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / np.float32(255)


def _lit(rng: np.random.Generator, height: Floats) -> Floats:
    """Light a relief at a low angle by Lambert's law; float32 [size, size, 3]."""
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
    """Add patches of dust and mud to about `share` of the tires."""
    if rng.random() > share:
        return scene
    size = scene.shape[0]
    patches = clouds(rng, size, int(rng.integers(3, 9)))
    cover = np.clip(patches - rng.uniform(-0.2, 0.6), 0, 1) * rng.uniform(0.3, 0.8)
    mud = np.array([0.52, 0.46, 0.38], dtype=np.float32) * rng.uniform(0.5, 1.2)
    soiled: Floats = (scene * (1 - cover[..., None]) + mud * cover[..., None]).astype(np.float32)
    return soiled


def _scratched(rng: np.random.Generator, scene: Floats, most: int) -> Floats:
    """Add straight bright scratches or dark mould seams, to good and defective tires alike."""
    size = scene.shape[0]
    picture = Image.new("L", (size * FINER, size * FINER))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(0, most + 1))):
        start, angle = rng.uniform(0, 1, 2) * size * FINER, rng.uniform(0, 2 * np.pi)
        length = rng.uniform(0.1, 0.7) * size * FINER
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        draw.line([tuple(start), tuple(end)], fill=int(rng.uniform(60, 200)), width=FINER)
    lines = np.asarray(picture.resize((size, size), Image.Resampling.BOX), dtype=np.float32) / 255
    towards = np.float32(rng.choice((0.08, 0.8)))
    return (scene + (towards - scene) * lines[..., None] * 0.7).astype(np.float32)
