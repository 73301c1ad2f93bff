"""A small convolutional network, designed to train from scratch on hundreds of photos."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from retread.training.network import Network

WIDTH = 32
DROPOUT = 0.3


def build(classes: int, pretrained: bool) -> Network:  # noqa: ARG001  there are no published weights
    """Build four stages of two convolutions, 32 to 256 channels, pooled by average and maximum."""
    layers: list[nn.Module] = [_convolution(3, WIDTH, kernel=5, stride=2)]
    channels = WIDTH
    for stage in range(4):
        width = WIDTH * 2**stage
        if stage:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        layers += [_convolution(channels, width), _convolution(width, width)]
        channels = width
    head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(2 * channels, classes))
    return Network(nn.Sequential(*layers, PoolBoth()), head, 2 * channels)


class PoolBoth(nn.Module):
    """Pool by average, which describes the whole image, and by maximum, which finds defects."""

    def forward(self, features: Tensor) -> Tensor:
        """Map float32 [n, C, H, W] to [n, 2 C]."""
        return torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)


def _convolution(channels: int, width: int, kernel: int = 3, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )
