"""ResNet-18 (He et al. 2015), from torchvision."""

from __future__ import annotations

from torch import nn

from retread.core import MissingDependency, Unavailable
from retread.training.network import Network
from retread.training.torchvision_operators import declare_operators


def build(classes: int, pretrained: bool) -> Network:
    """Without its last layer it embeds in 512 numbers; Unavailable if weights are not to be had."""
    try:
        declare_operators()
        from torchvision.models import ResNet18_Weights, resnet18
    except ModuleNotFoundError:
        raise MissingDependency("torchvision", "vision") from None
    try:
        network = resnet18(weights=ResNet18_Weights.DEFAULT if pretrained else None)
    except (OSError, RuntimeError) as error:
        raise Unavailable(
            f"The published weights of resnet18 cannot be fetched: {error}.",
            "Set [training] pretrained = false, or allow access to download.pytorch.org.",
        ) from error
    width = int(network.fc.in_features)
    network.fc = nn.Identity()
    return Network(network, nn.Linear(width, classes), width)
