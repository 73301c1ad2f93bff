"""Augment images with random flips, rotations and colours, a whole batch at once.

[training.augmentation] says how far.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from retread.project.settings import AugmentationSection


def augment(pixels: Tensor, settings: AugmentationSection, generator: Generator) -> Tensor:
    """Flip, rotate and recolour images, each by random amounts.

    Args:
        pixels: Float32 [n, 3, H, W] in 0..255.
        settings: The largest amounts.
        generator: The only source of randomness.

    Returns:
        Images of the same shape and range.
    """
    return jitter(rotate(pixels, settings, generator), settings, generator)


def rotate(pixels: Tensor, settings: AugmentationSection, generator: Generator) -> Tensor:
    """Flip and rotate images in one bilinear sampling; edges are mirrored."""
    if not (settings.flip_horizontal or settings.flip_vertical or settings.rotation):
        return pixels
    count = len(pixels)
    angle = _uniform(count, math.radians(settings.rotation), generator)
    across = _signs(count, settings.flip_horizontal, generator)
    down = _signs(count, settings.flip_vertical, generator)
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0] = angle.cos() * across
    matrix[:, 0, 1] = -angle.sin() * down
    matrix[:, 1, 0] = angle.sin() * across
    matrix[:, 1, 1] = angle.cos() * down
    grid = functional.affine_grid(matrix, list(pixels.shape), align_corners=False)
    return functional.grid_sample(
        pixels, grid.to(pixels.device), padding_mode="reflection", align_corners=False
    )


def jitter(pixels: Tensor, settings: AugmentationSection, generator: Generator) -> Tensor:
    """Vary brightness, contrast and saturation."""
    brightness, contrast, saturation = (
        1.0 + _uniform(len(pixels), limit, generator).view(-1, 1, 1, 1).to(pixels.device)
        for limit in (settings.brightness, settings.contrast, settings.saturation)
    )
    pixels = pixels * brightness
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    pixels = (pixels - mean) * contrast + mean
    grey = pixels.mean(dim=1, keepdim=True)
    return ((pixels - grey) * saturation + grey).clamp(0.0, 255.0)


def _signs(count: int, is_random: bool, generator: Generator) -> Tensor:
    """Draw -1 for half of the images if `is_random`; 1 for all others."""
    if not is_random:
        return torch.ones(count)
    return torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)


def _uniform(count: int, limit: float, generator: Generator) -> Tensor:
    """Draw from -limit..limit."""
    return (torch.rand(count, generator=generator) * 2.0 - 1.0) * limit
