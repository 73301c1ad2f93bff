"""TinyVGG: two blocks of two convolutions and a pooling layer (CNN Explainer, Wang et al. 2020)."""

from __future__ import annotations

from torch import nn

from retread.training.network import Network

CHANNELS = 10
GRID = 8


def build(classes: int, pretrained: bool) -> Network:  # noqa: ARG001  there are no published weights
    """Build the network; its last grid is pooled to 8 x 8, so that it takes any image size."""
    body = nn.Sequential(*_block(3), *_block(CHANNELS), nn.AdaptiveAvgPool2d(GRID), nn.Flatten())
    width = CHANNELS * GRID * GRID
    return Network(body, nn.Linear(width, classes), width)


def _block(channels: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, CHANNELS, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    ]
