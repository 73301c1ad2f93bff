"""Optimizers, the learning-rate schedule, and the moving average of the weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from retread.core import UnknownOption
from retread.training.network import Network

WARM_UP = 0.2
"""Fraction of the steps in which the learning rate rises."""

DECAY = 0.97
"""Decay of the moving average of the weights per step."""

_MIN_STEPS = 10

_OPTIMIZERS: dict[str, Callable[[Iterable[nn.Parameter], float], Optimizer]] = {
    "adam": lambda parameters, rate: Adam(parameters, rate),
    "adamw": lambda parameters, rate: AdamW(parameters, rate, weight_decay=0.05),
    "sgd": lambda parameters, rate: SGD(
        parameters, rate, momentum=0.9, nesterov=True, weight_decay=5e-4
    ),
}


def optimizer_named(name: str, parameters: Iterable[nn.Parameter], rate: float) -> Optimizer:
    """Create an optimizer.

    Raises:
        UnknownOption: There is no optimizer of that name.
    """
    if name not in _OPTIMIZERS:
        raise UnknownOption("optimizer type", name, _OPTIMIZERS)
    return _OPTIMIZERS[name](parameters, rate)


def schedule(optimizer: Optimizer, rate: float, steps: int) -> LRScheduler:
    """Schedule the learning rate: up to `rate` in a fifth of the steps, then down by a cosine.

    This is the one-cycle policy (Smith 2018).
    """
    total = max(steps, _MIN_STEPS)
    return OneCycleLR(
        optimizer, max_lr=rate, total_steps=total, pct_start=WARM_UP, cycle_momentum=False
    )


class WeightAverage:
    """An exponential moving average of a network's weights, as a network of its own.

    This is the network that is validated and kept. Early in training, and with few examples,
    single steps move the weights erratically; the average over the last few dozen steps is steadier
    and better (Polyak, Juditsky 1992; Tarvainen, Valpola 2017).

    Attributes:
        network: The network with the averaged weights and batch statistics.
    """

    def __init__(self, network: Network) -> None:
        self.network = copy.deepcopy(network).eval()
        self._steps = 0

    @torch.no_grad()
    def update(self, network: Network) -> None:
        """Add the weights after one more step; the first steps decay quickly."""
        self._steps += 1
        decay = min(DECAY, (1 + self._steps) / (10 + self._steps))
        latest = network.state_dict()
        for name, mean in self.network.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(latest[name], 1.0 - decay)
            else:
                mean.copy_(latest[name])
