"""ResNet-18 (He et al. 2015), from torchvision."""

from __future__ import annotations

import torch
from torch import nn

from retread.core import MissingDependency, Unavailable
from retread.training.network import Network

# A library's operators exist as long as the object does.
_declared: list[torch.library.Library] = []


def build(classes: int, pretrained: bool) -> Network:
    """Build a ResNet-18 whose embedding is the 512 numbers before its last layer.

    Raises:
        MissingDependency: torchvision is not installed.
        Unavailable: The published weights cannot be fetched.
    """
    try:
        _declare_operators()
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


def _declare_operators() -> None:
    """Make torchvision importable next to a torch that it was not built for.

    torchvision's modules name its compiled operators when they are imported, even those that only
    detection uses. Where the compiled part does not fit this torch, they are declared here.
    """
    try:
        import torchvision  # noqa: F401  only to see whether it can be imported
    except RuntimeError:
        # torch leaves these two calls untyped.
        library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]  # as torch has it
        for name in ("nms", "qnms"):
            schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            library.define(schema)  # type: ignore[no-untyped-call]  # as torch has it
        _declared.append(library)
