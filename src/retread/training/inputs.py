"""Convert rows of a dataset into the inputs of a model's graph."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from retread.bundle import (
    Datatype,
    ImageInput,
    Signature,
    TensorSpec,
    Texts,
    decode_image,
    texts,
)
from retread.core import Inconclusive, InvalidInput
from retread.core.listed import listed
from retread.data.store import IMAGE, SOURCE
from retread.data.version import ColumnKind, Schema

FEATURES = "features"
CATEGORIES = "categories"
PROBABILITIES = "probabilities"
VALUE = "value"
EMBEDDING = "embedding"

Arrays = dict[str, npt.NDArray[Any]]


def table_inputs(schema: Schema, numbers: Datatype = Datatype.FP32) -> tuple[TensorSpec, ...]:
    """Return the graph inputs for a table: one for its numeric, one for its categorical columns.

    Args:
        numbers: Datatype of the numeric columns, FP32 or FP64.

    Raises:
        InvalidInput: The table has no feature columns.
    """
    numeric = _names(schema, ColumnKind.NUMERIC)
    categorical = _names(schema, ColumnKind.CATEGORICAL)
    specs = []
    if numeric:
        specs.append(_spec(FEATURES, numbers, numeric))
    if categorical:
        specs.append(_spec(CATEGORIES, Datatype.BYTES, categorical))
    if not specs:
        raise InvalidInput("The data has no feature columns.", "Check [data] features and exclude.")
    return tuple(specs)


def outputs(
    labels: Sequence[str], embedding: int | None = None, value: Datatype = Datatype.FP32
) -> tuple[TensorSpec, ...]:
    """Return the graph outputs.

    Args:
        labels: Class labels; empty for regression.
        embedding: Length of the embedding; None for a model without one.
        value: Datatype of the value of a regression, FP32 or FP64.
    """
    if labels:
        main = TensorSpec(name=PROBABILITIES, datatype=Datatype.FP32, shape=(-1, len(labels)))
    else:
        main = TensorSpec(name=VALUE, datatype=value, shape=(-1, 1))
    specs = [main]
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
        raise Inconclusive(f"The data lacks the columns {listed(missing)}, which the model needs.")
    if spec.datatype is Datatype.BYTES:
        return np.stack([column_texts(rows[name]) for name in spec.columns], axis=1)
    dtype = np.float64 if spec.datatype is Datatype.FP64 else np.float32
    numbers = np.empty((rows.num_rows, len(spec.columns)), dtype=dtype)
    for index, name in enumerate(spec.columns):
        with np.errstate(over="ignore"):
            numbers[:, index] = column_numbers(rows[name])
    infinite = [name for i, name in enumerate(spec.columns) if np.isinf(numbers[:, i]).any()]
    if infinite:
        raise InvalidInput(
            "These columns contain values that are infinite, or too large for "
            f"{numbers.itemsize * 8} bits: {listed(infinite)}.",
            "Add them to [data] exclude, or fix the data.",
        )
    return numbers


def column_numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Return a numeric column, NaN where it is missing."""
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def column_texts(column: pa.ChunkedArray) -> Texts:
    """Return a categorical column, "" where it is missing; equal texts are one object."""
    encoded = column.cast(pa.large_string()).fill_null("").combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    found: Texts = texts(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]
    return found


def _names(schema: Schema, kind: ColumnKind) -> tuple[str, ...]:
    return tuple(column.name for column in schema.columns if column.kind is kind)


def _spec(name: str, datatype: Datatype, columns: tuple[str, ...]) -> TensorSpec:
    return TensorSpec(name=name, datatype=datatype, shape=(-1, len(columns)), columns=columns)
