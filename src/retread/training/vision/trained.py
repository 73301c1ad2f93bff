"""A trained network, ready to be exported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from retread.bundle import ImageInput, Pixels, Signature
from retread.data.store import IMAGE
from retread.training.inputs import Arrays
from retread.training.network import Network, Served
from retread.training.recipe import Result
from retread.training.vision.export import export_network

_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNetwork:
    """A network at its best epoch."""

    network: Network
    signature: Signature
    image: ImageInput
    result: Result
    device: torch.device

    def export(self) -> bytes:
        return export_network(self.network, self.signature)

    def outputs(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        return served(self.network, inputs[IMAGE], self.device)


def served(network: Network, pixels: Pixels, device: torch.device) -> list[npt.NDArray[Any]]:
    """Probabilities [n, classes] and embeddings [n, width] of uint8 [n, H, W, 3], in float32."""
    module = Served(network).to(device).eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pixels), _BATCH):
            batch = torch.from_numpy(pixels[start : start + _BATCH]).to(device)
            parts.append([output.float().cpu().numpy() for output in module(batch)])
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def probabilities(
    network: Network, pixels: Pixels, device: torch.device
) -> npt.NDArray[np.float32]:
    """Float32 [n, classes]."""
    return np.asarray(served(network, pixels, device)[0], dtype=np.float32)
