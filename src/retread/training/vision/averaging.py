"""The weights that are judged and kept: a running mean of those that are trained.

Early in a training, and with few examples, single steps throw a network about; the mean over the
last few dozen is steadier and better (Polyak, Juditsky 1992; Tarvainen, Valpola 2017).
"""

from __future__ import annotations

import copy

import torch

from retread.training.network import Network

DECAY = 0.97


class Averaged:
    """A running mean of a network's weights and batch statistics, as a network of its own."""

    def __init__(self, network: Network) -> None:
        self.network = copy.deepcopy(network).eval()
        self._steps = 0

    @torch.no_grad()
    def update(self, network: Network) -> None:
        """Take in the weights after one more step; the first steps are forgotten quickly."""
        self._steps += 1
        decay = min(DECAY, (1 + self._steps) / (10 + self._steps))
        latest = network.state_dict()
        for name, mean in self.network.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(latest[name], 1.0 - decay)
            else:
                mean.copy_(latest[name])
