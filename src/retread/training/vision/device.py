"""Which device trains a network, at which precision, and with which seed."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager
from typing import Literal

import numpy as np
import torch

from retread.core import Unavailable


def device_named(name: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """Return the device of [compute] device.

    Raises:
        Unavailable: The device is cuda, but PyTorch finds none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise Unavailable(
            "[compute] device is cuda, but PyTorch finds no CUDA device.", "Set it to auto or cpu."
        )
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def fast_precision(device: torch.device) -> AbstractContextManager[object]:
    """Compute in bfloat16 where the device supports it (twice as fast), otherwise in float32.

    Weights stay float32, as does everything after training.
    """
    supported = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_has_bf16()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=supported)


def seed_everything(seed: int, threads: int) -> torch.Generator:
    """Make the randomness and arithmetic of this process repeatable."""
    random.seed(seed)
    # numpy's legacy global state: libraries that a user's own model type calls may draw from it.
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    # Operations without a deterministic form, such as some pooling on CUDA, are logged.
    torch.use_deterministic_algorithms(True, warn_only=True)
    return torch.Generator().manual_seed(seed)


def _cpu_has_bf16() -> bool:
    return bool(torch.cpu._is_avx512_bf16_supported())
