"""Cameras: the effect of light, lens and compression on a scene."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera under one light; pairs are ranges from which each photo draws a value.

    Attributes:
        exposure: Factor of values in 0..1.
        gamma: Exponent of values in 0..1.
        cast: Factors of red, green and blue.
        tint: Standard deviation of a further random factor of each color.
        blur: Radius, in 128ths of the width.
        noise: Standard deviation, of values in 0..1.
        vignette: Largest darkening at the corners.
        quality: JPEG quality.
    """

    exposure: tuple[float, float] = (0.75, 1.35)
    gamma: tuple[float, float] = (0.85, 1.2)
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    tint: float = 0.03
    blur: tuple[float, float] = (0.0, 0.9)
    noise: tuple[float, float] = (0.004, 0.02)
    vignette: float = 0.2
    quality: tuple[int, int] = (70, 92)


PHONE = Camera()
"""The camera of the first photos."""

DUSK = Camera(exposure=(0.5, 0.8), cast=(1.14, 0.98, 0.78), noise=(0.01, 0.03))
"""The same phone under an evening lamp: darker and warmer."""

BOARD = Camera(
    cast=(0.88, 1.0, 1.14), blur=(0.6, 1.2), noise=(0.01, 0.03), vignette=0.5, quality=(35, 60)
)
"""A cheap board camera: soft, blue, heavily compressed."""

LAMP = replace(DUSK, exposure=(0.3, 0.55), gamma=(1.6, 2.2), cast=(1.3, 0.95, 0.6))
"""Dusk under a weak lamp, by a camera whose shadows are black."""

WEBCAM = replace(BOARD, gamma=(0.4, 0.6), cast=(0.75, 1.0, 1.3))
"""A board camera whose shadows are gray."""


def shoot(rng: np.random.Generator, scene: Floats, camera: Camera) -> bytes:
    """Return a JPEG of `scene`, float32 [size, size, 3] in 0..1."""
    size = scene.shape[0]
    photo = scene * rng.uniform(*camera.exposure)
    photo = np.clip(photo, 0, 1) ** np.float32(rng.uniform(*camera.gamma))
    photo *= np.array(camera.cast, dtype=np.float32) * rng.normal(1, camera.tint, 3)
    photo *= _vignette(size, rng.uniform(0, camera.vignette))[..., None]
    picture = Image.fromarray(_bytes(photo))
    picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(*camera.blur) * size / 128))
    noise = rng.standard_normal((size, size, 1), np.float32) * (255 * rng.uniform(*camera.noise))
    noisy = np.clip(np.asarray(picture, dtype=np.float32) + noise, 0, 255).astype(np.uint8)
    return encode(noisy, int(rng.integers(*camera.quality)))


def encode(pixels: Pixels, quality: int) -> bytes:
    """Encode `pixels` as a JPEG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def _bytes(photo: npt.NDArray[np.floating]) -> Pixels:
    pixels: Pixels = (np.clip(photo, 0, 1) * 255).astype(np.uint8)
    return pixels


def _vignette(size: int, strength: float) -> Floats:
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    return (1 - np.float32(strength) * (axis[:, None] ** 2 + axis[None, :] ** 2) / 2).astype(
        np.float32
    )
