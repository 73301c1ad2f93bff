"""Measure how fast this machine draws photos and trains on them, at its present load."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

from retread.core import Unavailable
from retread.demos.tires.drawn_photos import BEFORE, draw
from retread.training.compute.process import environment

BATCH_SIZE = 16
IMAGE_SIZE = 48
PHOTO_SIZE = 64
"""What is measured: steps on so many images of this size, and drawings of photos of this size."""

_STEPS_S = 1.5
_MIN_STEPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSpeed:
    """Seconds that things take.

    Attributes:
        startup_s: Starting a process that imports PyTorch.
        step_s: A training step on BATCH_SIZE images of IMAGE_SIZE pixels.
        photo_s: Drawing a photo of PHOTO_SIZE pixels.
    """

    startup_s: float
    step_s: float
    photo_s: float


def measure_speed() -> MachineSpeed:
    """Train in another process for a moment, while drawing photos in this one.

    Raises:
        Unavailable: The other process failed.
    """
    start = time.monotonic()
    command = [sys.executable, "-m", "retread.demos.tires.calibration"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
        rng, photos = np.random.default_rng(0), 0
        try:
            while process.poll() is None:
                draw(rng, BEFORE, PHOTO_SIZE)
                photos += 1
        finally:
            process.kill()
        assert process.stdout is not None, "it was requested as a pipe"
        measured = process.stdout.read().split()
    if len(measured) != 2:
        raise Unavailable(f"Measuring the machine failed with status {process.returncode}.")
    whole = time.monotonic() - start
    training_s, step_s = map(float, measured)
    return MachineSpeed(startup_s=whole - training_s, step_s=step_s, photo_s=whole / max(1, photos))


def main() -> None:
    """Train for a moment; print the seconds that took, and those per step."""
    import torch
    from torch.nn import functional

    from retread.training.model_types.vision.cnn import build

    network = build(2, pretrained=False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a gap in its types
    optimizer = torch.optim.AdamW(network.parameters())
    images = torch.rand(BATCH_SIZE, 3, IMAGE_SIZE, IMAGE_SIZE)
    labels = torch.arange(BATCH_SIZE) % 2

    def step() -> None:
        logits, _ = network(images)
        optimizer.zero_grad()
        functional.cross_entropy(logits, labels).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()

    before = time.monotonic()
    step()  # The first one also allocates and compiles.
    steps, start = 0, time.monotonic()
    while steps < _MIN_STEPS or time.monotonic() - start < _STEPS_S:
        step()
        steps += 1
    end = time.monotonic()
    print(end - before, (end - start) / steps)


if __name__ == "__main__":
    main()
