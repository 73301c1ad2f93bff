"""Optimizers and the schedule of the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from retread.core import UnknownOption

WARM_UP = 0.2
_MINIMUM_STEPS = 10

_OPTIMIZERS: dict[str, Callable[[Iterable[nn.Parameter], float], Optimizer]] = {
    "adam": lambda parameters, rate: Adam(parameters, rate),
    "adamw": lambda parameters, rate: AdamW(parameters, rate, weight_decay=0.05),
    "sgd": lambda parameters, rate: SGD(
        parameters, rate, momentum=0.9, nesterov=True, weight_decay=5e-4
    ),
}


def optimizer_named(name: str, parameters: Iterable[nn.Parameter], rate: float) -> Optimizer:
    """An optimizer by name; UnknownOption."""
    if name not in _OPTIMIZERS:
        raise UnknownOption("optimizer type", name, _OPTIMIZERS)
    return _OPTIMIZERS[name](parameters, rate)


def schedule(optimizer: Optimizer, rate: float, steps: int) -> LRScheduler:
    """Up to `rate` in the first fifth of the steps, then down by a cosine (Smith 2018)."""
    total = max(steps, _MINIMUM_STEPS)
    return OneCycleLR(
        optimizer, max_lr=rate, total_steps=total, pct_start=WARM_UP, cycle_momentum=False
    )
