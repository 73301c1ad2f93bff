"""Lets torchvision be imported beside a torch it was not built for.

torchvision's modules name its compiled operators when they are imported, even those that only
detection uses; where the compiled part does not fit this torch, they are declared instead.
"""

from __future__ import annotations

import torch

# A library's operators live as long as the object does.
_declared: list[torch.library.Library] = []


def declare_operators() -> None:
    """Import torchvision, declaring its operators first where that fails."""
    try:
        import torchvision  # noqa: F401  whether it can be imported is the question
    except RuntimeError:
        # torch leaves these two calls untyped.
        library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]  # as torch has it
        for name in ("nms", "qnms"):
            schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            library.define(schema)  # type: ignore[no-untyped-call]  # as torch has it
        _declared.append(library)
