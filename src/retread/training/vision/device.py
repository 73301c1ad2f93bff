"""Which processor trains, and at which precision."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager
from typing import Literal

import numpy as np
import torch

from retread.core import Unavailable


def device_named(name: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """The device of [compute] device; Unavailable when there is no such."""
    if name == "cuda" and not torch.cuda.is_available():
        raise Unavailable(
            "[compute] device is cuda, but PyTorch finds no CUDA device.", "Set it to auto or cpu."
        )
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def fast_precision(device: torch.device) -> AbstractContextManager[object]:
    """Bfloat16 arithmetic where the processor has it (twice as fast), else float32.

    Weights stay float32, and so does everything after training.
    """
    has = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_has_bf16()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has)


def seed_everything(seed: int, threads: int) -> torch.Generator:
    """Make this process's randomness and arithmetic repeatable."""
    random.seed(seed)
    # numpy's old global state: libraries that a user's own model type calls may draw from it.
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    # What has no repeatable form on a processor, such as some pooling on CUDA, is told in the log.
    torch.use_deterministic_algorithms(True, warn_only=True)
    return torch.Generator().manual_seed(seed)


def _cpu_has_bf16() -> bool:
    return bool(torch.cpu._is_avx512_bf16_supported())
