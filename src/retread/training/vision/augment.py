"""Augment images with random flips, rotations and colours, a whole batch at once."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

ROTATION_DEGREES = 30.0
JITTER = 0.2


def augment(pixels: Tensor, generator: Generator) -> Tensor:
    """Flip half of the images, rotate each by up to 30 degrees, and vary their colours.

    Args:
        pixels: Float32 [n, 3, H, W] in 0..255.
        generator: The only source of randomness.

    Returns:
        Images of the same shape and range.
    """
    return jitter(rotate(pixels, generator), generator)


def rotate(pixels: Tensor, generator: Generator) -> Tensor:
    """Flip and rotate images in one bilinear sampling; edges are mirrored."""
    count = len(pixels)
    angle = _uniform(count, math.radians(ROTATION_DEGREES), generator)
    flip = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0] = angle.cos() * flip
    matrix[:, 0, 1] = -angle.sin()
    matrix[:, 1, 0] = angle.sin() * flip
    matrix[:, 1, 1] = angle.cos()
    grid = functional.affine_grid(matrix, list(pixels.shape), align_corners=False)
    return functional.grid_sample(
        pixels, grid.to(pixels.device), padding_mode="reflection", align_corners=False
    )


def jitter(pixels: Tensor, generator: Generator) -> Tensor:
    """Vary brightness, contrast and saturation, each by up to a fifth."""
    brightness, contrast, saturation = (
        1.0 + _uniform(len(pixels), JITTER, generator).view(-1, 1, 1, 1).to(pixels.device)
        for _ in range(3)
    )
    pixels = pixels * brightness
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    pixels = (pixels - mean) * contrast + mean
    grey = pixels.mean(dim=1, keepdim=True)
    return ((pixels - grey) * saturation + grey).clamp(0.0, 255.0)


def _uniform(count: int, limit: float, generator: Generator) -> Tensor:
    """Draw from -limit..limit."""
    return (torch.rand(count, generator=generator) * 2.0 - 1.0) * limit
