"""Encode the columns of a table for an estimator, as one float32 matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.bundle import Datatype, Signature, Texts
from retread.core import InvalidInput
from retread.core.listed import listed
from retread.data.version import ColumnKind, Schema
from retread.training.inputs import CATEGORIES, FEATURES, Arrays, column_numbers
from retread.training.tabular.category_means import CategoryMeans, fit_means
from retread.training.tabular.precision import Doubles, Scaling, Singles, is_lossy, scaling_of


@dataclass(frozen=True, slots=True, eq=False)
class NumberEncoding:
    """How numeric columns become columns of the matrix.

    Attributes:
        columns: Number of columns before encoding.
        scaling: How float64 columns become float32; None where they are float32 already.
        fill: What a missing value becomes, float32 [columns]; None where it stays NaN.
    """

    columns: int
    scaling: Scaling | None
    fill: Singles | None

    @property
    def width(self) -> int:
        """Number of columns after encoding."""
        return self.columns + (len(self.scaling.residual) if self.scaling else 0)

    def encode(self, values: npt.NDArray[np.floating]) -> Singles:
        """Encode columns [n, F]."""
        if self.scaling is not None:
            encoded = self.scaling.apply(values.astype(np.float64))
        else:
            encoded = values.astype(np.float32, copy=False)
        if self.fill is None:
            return encoded
        return np.where(np.isnan(encoded), self.fill, encoded)


@dataclass(frozen=True, slots=True)
class CategoryEncoding:
    """How a categorical column becomes one indicator per category, and means of the target.

    Attributes:
        column: Name of the column.
        kept: The categories that are told apart.
        folded: How many further categories share the last indicator, which is also that of an
            unknown category. 0 if there are none; an unknown category then has no indicator.
        folded_share: Share of the training rows that have one of them.
        means: Means of the target, where categories are folded; None for many classes.
    """

    column: str
    kept: tuple[str, ...]
    folded: int = 0
    folded_share: float = 0.0
    means: CategoryMeans | None = None

    @property
    def indicators(self) -> int:
        """Number of indicators."""
        return len(self.kept) + bool(self.folded)

    @property
    def width(self) -> int:
        """Number of columns after encoding."""
        return self.indicators + (self.means.width if self.means is not None else 0)

    def codes(self, values: Texts) -> npt.NDArray[np.int64]:
        """Return the index of each value's indicator; `len(kept)` for all others."""
        known = pa.array(self.kept, pa.large_string())
        found = pc.index_in(pa.array(values, pa.large_string()), known)
        return np.asarray(found.fill_null(len(self.kept)).to_numpy(), dtype=np.int64)

    def note(self) -> str | None:
        """Say which categories are not told apart; None if all are."""
        if not self.folded:
            return None
        what = "count as one"
        if self.means is not None:
            what = "only by the mean of the target in each of them"
        return (
            f"Column {self.column!r} has {len(self.kept) + self.folded:,} categories. The "
            f"{len(self.kept)} most frequent are told apart; the others, {self.folded_share:.0%} "
            f"of the rows, {what} ([training] max_categories)."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """How the inputs of a graph become the matrix of an estimator."""

    numbers: NumberEncoding | None
    categories: tuple[CategoryEncoding, ...]

    def encode(self, inputs: Arrays) -> Singles:
        """Encode graph inputs to float32 [n, columns]; NaN is a missing value."""
        numbers = None if self.numbers is None else self.numbers.encode(inputs[FEATURES])
        if numbers is not None and not self.categories:
            return numbers
        matrix = np.zeros((len(inputs[CATEGORIES]), self.width), dtype=np.float32)
        start = 0
        if numbers is not None:
            start = numbers.shape[1]
            matrix[:, :start] = numbers
        for index, column in enumerate(self.categories):
            codes = column.codes(inputs[CATEGORIES][:, index])
            rows = np.flatnonzero(codes < column.indicators)
            matrix[rows, start + codes[rows]] = 1.0
            start += column.width
            if column.means is not None:
                means = column.means.encode(inputs[CATEGORIES][:, index])
                matrix[:, start - column.means.width : start] = means
        return matrix

    @property
    def width(self) -> int:
        """Number of columns of the matrix."""
        numbers = self.numbers.width if self.numbers is not None else 0
        return numbers + sum(column.width for column in self.categories)

    @property
    def notes(self) -> tuple[str, ...]:
        """What users should know of it, a sentence per column."""
        return tuple(note for column in self.categories if (note := column.note()) is not None)


def number_datatype(schema: Schema, rows: pa.Table) -> Datatype:
    """Return the datatype that the numeric columns of training rows need.

    FP64 if float32 would make distinct values of a column equal.
    """
    names = [column.name for column in schema.columns if column.kind is ColumnKind.NUMERIC]
    lossy = any(is_lossy(column_numbers(rows[name])) for name in names)
    return Datatype.FP64 if lossy else Datatype.FP32


def encoding_of(
    signature: Signature,
    train: Arrays,
    target: npt.NDArray[Any],
    *,
    handles_missing: bool,
    max_categories: int,
    seed: int,
) -> tuple[Encoding, Singles]:
    """Choose the encoding of a table.

    Numbers pass through, with medians for missing values where the model does not handle them.
    Categories become indicators, the rarest of a column sharing one. Such a column also has means
    of the target.

    Args:
        train: Graph inputs of the training rows.
        target: Their class indices, int64 [n], or values, float64 [n].
        handles_missing: Whether the model accepts NaN.
        max_categories: Number of categories per column that are told apart.
        seed: Seed of the folds in which means are computed.

    Returns:
        The encoding, and the encoded training rows, whose means are those of other rows.

    Raises:
        InvalidInput: Numeric columns are empty; the message names them.
    """
    numbers, categories = None, list[CategoryEncoding]()
    means: list[Singles | None] = []
    for spec in signature.inputs:
        if spec.name == FEATURES:
            _check_columns(spec.columns, train[FEATURES])
            wide = spec.datatype is Datatype.FP64
            numbers = _number_encoding(train[FEATURES], wide=wide, fill=not handles_missing)
        else:
            for index, name in enumerate(spec.columns):
                values = train[CATEGORIES][:, index]
                column = _category_encoding(name, values, max_categories)
                fitted = fit_means(values, target, seed) if column.folded else None
                categories.append(replace(column, means=fitted[0] if fitted else None))
                means.append(fitted[1] if fitted else None)
    encoding = Encoding(numbers, tuple(categories))
    return encoding, _with_means(encoding, encoding.encode(train), means)


def _with_means(encoding: Encoding, matrix: Singles, means: list[Singles | None]) -> Singles:
    end = encoding.width - sum(column.width for column in encoding.categories)
    for column, fitted in zip(encoding.categories, means, strict=True):
        end += column.width
        if fitted is not None:
            matrix[:, end - fitted.shape[1] : end] = fitted
    return matrix


def _number_encoding(values: Doubles, *, wide: bool, fill: bool) -> NumberEncoding:
    scaling = scaling_of(values) if wide else None
    columns = values.shape[1]
    plain = NumberEncoding(columns, scaling, None)
    medians = np.nanmedian(plain.encode(values), axis=0).astype(np.float32) if fill else None
    return NumberEncoding(columns, scaling, medians)


def _category_encoding(name: str, values: Texts, most: int) -> CategoryEncoding:
    counted = pc.value_counts(pa.array(values, pa.large_string()))
    known = counted.field("values").to_pylist()
    counts = counted.field("counts").to_numpy()
    if len(known) <= most:
        return CategoryEncoding(name, tuple(sorted(known)))
    ranked = sorted(range(len(known)), key=lambda index: (-counts[index], known[index]))
    kept, folded = ranked[:most], ranked[most:]
    return CategoryEncoding(
        column=name,
        kept=tuple(sorted(known[index] for index in kept)),
        folded=len(folded),
        folded_share=float(counts[folded].sum() / counts.sum()),
    )


def _check_columns(columns: tuple[str, ...], values: npt.NDArray[np.floating]) -> None:
    empty = [name for i, name in enumerate(columns) if np.isnan(values[:, i]).all()]
    if empty:
        raise InvalidInput(
            f"In the training split, these columns have no values: {listed(empty)}.",
            "Add them to [data] exclude, or fix the data.",
        )
