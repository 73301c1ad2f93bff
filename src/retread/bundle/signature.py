"""What a model takes and gives, in the terms of the Open Inference Protocol V2."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Datatype(StrEnum):
    """The tensor datatypes that Retread models use."""

    FP32 = "FP32"
    INT64 = "INT64"
    UINT8 = "UINT8"
    BYTES = "BYTES"


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One tensor; -1 stands for the batch dimension.

    `columns` names the columns of a table's matrix, in order; it is empty for images.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    columns: tuple[str, ...] = ()


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs and outputs of `model.onnx`, by name and in order.

    Images: one input `image` UINT8 [-1, H, W, 3]. Tables: `features` FP32 [-1, F] for numeric
    columns (NaN is missing) and, where there are categorical columns, `categories` BYTES [-1, C].
    Outputs: `probabilities` FP32 [-1, K] for classification or `value` FP32 [-1, 1] for
    regression; `embedding` FP32 [-1, E] where the model has one.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
