"""Convert rows of a dataset into the inputs of a model's graph."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from retread.bundle import Datatype, ImageInput, Signature, TensorSpec, decode_image
from retread.core import Inconclusive, InvalidInput
from retread.data.store import IMAGE, SOURCE
from retread.data.version import ColumnKind, Schema

FEATURES = "features"
CATEGORIES = "categories"
PROBABILITIES = "probabilities"
VALUE = "value"
EMBEDDING = "embedding"

Arrays = dict[str, npt.NDArray[Any]]


def table_inputs(schema: Schema) -> tuple[TensorSpec, ...]:
    """Return the graph inputs for a table: one for its numeric, one for its categorical columns.

    Raises:
        InvalidInput: The table has no feature columns.
    """
    numeric = _names(schema, ColumnKind.NUMERIC)
    categorical = _names(schema, ColumnKind.CATEGORICAL)
    specs = []
    if numeric:
        specs.append(_spec(FEATURES, Datatype.FP32, numeric))
    if categorical:
        specs.append(_spec(CATEGORIES, Datatype.BYTES, categorical))
    if not specs:
        raise InvalidInput("The data has no feature columns.", "Check [data] features and exclude.")
    return tuple(specs)


def outputs(labels: Sequence[str], embedding: int | None = None) -> tuple[TensorSpec, ...]:
    """Return the graph outputs.

    Args:
        labels: Class labels; empty for regression.
        embedding: Length of the embedding; None for a model without one.
    """
    name, width = (PROBABILITIES, len(labels)) if labels else (VALUE, 1)
    specs = [TensorSpec(name=name, datatype=Datatype.FP32, shape=(-1, width))]
    if embedding:
        specs.append(TensorSpec(name=EMBEDDING, datatype=Datatype.FP32, shape=(-1, embedding)))
    return tuple(specs)


def graph_inputs(
    rows: pa.Table, signature: Signature, image: ImageInput | None, threads: int = 1
) -> Arrays:
    """Convert rows into graph inputs, by name and with the signature's dtypes.

    Args:
        image: How to decode images; None for tables.
        threads: Number of threads that decode images.

    Raises:
        Inconclusive: The rows lack a column that the model needs.
        InvalidInput: A number is infinite, or an image cannot be decoded.
    """
    if image is not None:
        return {IMAGE: decode_rows(rows, image, threads)}
    return {spec.name: _matrix(rows, spec) for spec in signature.inputs}


def decode_rows(rows: pa.Table, image: ImageInput, threads: int = 1) -> npt.NDArray[np.uint8]:
    """Decode the images of rows into uint8 [n, size, size, 3], as `image` says.

    Raises:
        InvalidInput: An image cannot be decoded; the message names it.
    """
    pixels = np.empty((rows.num_rows, image.size, image.size, 3), dtype=np.uint8)
    contents = rows[IMAGE]

    def decode(index: int) -> None:
        try:
            pixels[index] = decode_image(contents[index].as_py(), image.size, image.rules)
        except InvalidInput as error:
            name = rows[SOURCE][index].as_py() if SOURCE in rows.column_names else index
            raise InvalidInput(f"{name}: {error.message}", error.hint) from error

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(decode, range(rows.num_rows)))
    return pixels


def _matrix(rows: pa.Table, spec: TensorSpec) -> npt.NDArray[Any]:
    missing = [name for name in spec.columns if name not in rows.column_names]
    if missing:
        raise Inconclusive(f"The data lacks the columns {missing}, which the model needs.")
    if spec.datatype is Datatype.BYTES:
        return np.stack([_texts(rows[name]) for name in spec.columns], axis=1)
    numbers = np.stack([_numbers(rows[name]) for name in spec.columns], axis=1)
    infinite = [
        name for name, column in zip(spec.columns, numbers.T, strict=True) if np.isinf(column).any()
    ]
    if infinite:
        raise InvalidInput(
            "These columns contain values that are infinite, or too large for 32 bits: "
            f"{', '.join(infinite)}.",
            "Add them to [data] exclude, or fix the data.",
        )
    return numbers


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    values = column.cast(pa.float64(), safe=False).to_numpy()
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float32)


def _texts(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    texts = column.cast(pa.string()).fill_null("")
    return np.array(texts.to_pylist(), dtype=np.str_)


def _names(schema: Schema, kind: ColumnKind) -> tuple[str, ...]:
    return tuple(column.name for column in schema.columns if column.kind is kind)


def _spec(name: str, datatype: Datatype, columns: tuple[str, ...]) -> TensorSpec:
    return TensorSpec(name=name, datatype=datatype, shape=(-1, len(columns)), columns=columns)
