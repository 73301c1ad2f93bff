"""The network that a vision model type builds: a body that embeds, and a head that classifies."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# ImageNet's channel means and standard deviations, for pixels in 0..1.
MEAN = (0.485, 0.456, 0.406)
STANDARD_DEVIATION = (0.229, 0.224, 0.225)


class Network(nn.Module):
    """An image classifier.

    Attributes:
        body: Maps normalised images, float32 [n, 3, H, W], to embeddings [n, width].
        head: Maps embeddings to logits [n, classes].
        width: Length of an embedding.
    """

    def __init__(self, body: nn.Module, head: nn.Module, width: int) -> None:
        super().__init__()
        self.body = body
        self.head = head
        self.width = width

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits [n, classes] and embeddings [n, width] of normalised images."""
        embedding = self.body(images)
        return self.head(embedding), embedding


class ExportedNetwork(nn.Module):
    """A network as it is exported: from pixels to probabilities."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.normalise = Normalise()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Map uint8 [n, H, W, 3] to probabilities [n, classes] and embeddings [n, width]."""
        logits, embedding = self.network(self.normalise(image.permute(0, 3, 1, 2).float()))
        return torch.softmax(logits, dim=1), embedding


class Normalise(nn.Module):
    """Scale pixels from 0..255 to ImageNet's zero mean and unit deviation, in one step."""

    def __init__(self) -> None:
        super().__init__()
        mean = torch.tensor(MEAN).view(1, 3, 1, 1)
        deviation = torch.tensor(STANDARD_DEVIATION).view(1, 3, 1, 1)
        self.register_buffer("scale", 1.0 / (255.0 * deviation))
        self.register_buffer("shift", -mean / deviation)

    scale: Tensor
    shift: Tensor

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalise float32 [n, 3, H, W]."""
        return pixels * self.scale + self.shift
