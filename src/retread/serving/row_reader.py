"""Reading the rows of a table out of a request's tensors, by the rules of the model's columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from retread.bundle import Datatype, Manifest, TensorSpec
from retread.core import InvalidInput
from retread.core.column_rules import (
    ColumnRules,
    UnreadableValue,
    ValueKind,
    allowed,
    clean_text,
    missing_numbers,
    read_value,
    shown,
)
from retread.core.known_values import KnownValues
from retread.serving.rows import FEATURES, Rows, feature_type
from retread.serving.tensors import Tensor, check_names, elements, row_count

_LARGEST_DOUBLE = float(np.finfo(np.float64).max)

Numbers = npt.NDArray[np.float64]


class RowReader:
    """Reads every form in which a client may send rows, with the rules that training had.

    Attributes:
        rules: The rules of all columns, in the order of the columns in the training data.
    """

    def __init__(self, manifest: Manifest, known: Mapping[str, Collection[str]]) -> None:
        """Prepare to read rows for a model.

        Args:
            manifest: The manifest of its bundle.
            known: The categories that it saw in training; a column that is absent may hold any.
        """
        self._specs = manifest.signature.inputs
        by_name = {rules.name: rules for rules in manifest.rules}
        columns = [
            by_name.get(name) or _default_rules(spec, name)
            for spec in self._specs
            for name in spec.columns
        ]
        order = [rules.name for rules in manifest.rules]
        if sorted(order) == sorted(rules.name for rules in columns):
            columns.sort(key=lambda rules: order.index(rules.name))
        self.rules = tuple(columns)
        self._rules = {rules.name: rules for rules in columns}
        self._categories = {
            rules.name: _CategoryColumn(rules, known.get(rules.name))
            for rules in columns
            if rules.kind is not ValueKind.NUMBER
        }

    def read(self, tensors: Mapping[str, Tensor]) -> Rows:
        """Return the rows of a request.

        Args:
            tensors: Its tensors by name: one per column; or `features` and `categories`, the
                matrices that the model takes; or, as `features` without a datatype, one matrix of
                all columns in the order of the training data. A column without a datatype that the
                model does not take is ignored.

        Raises:
            InvalidInput: A tensor is missing, is not known or has another shape, or a value cannot
                be read; the message names its row and column.
        """
        cells = self._cells(tensors)
        count = len(next(iter(cells.values()))) if cells else 0
        rows = Rows(count=count)
        unknown: dict[int, list[str]] = {}
        for spec in self._specs:
            if spec.datatype is not Datatype.BYTES:
                largest = float(np.finfo(feature_type(spec)).max)
                numbers = [
                    _numbers(self._rules[name], cells[name], largest) for name in spec.columns
                ]
                rows.features = np.stack(numbers, axis=1).astype(feature_type(spec)).tobytes()
                continue
            texts = [self._categories[name].read(cells[name], unknown) for name in spec.columns]
            rows.categories = list(zip(*texts, strict=True))
        if unknown:
            rows.unknown = [tuple(unknown.get(row, ())) for row in range(count)]
        return rows

    def _cells(self, tensors: Mapping[str, Tensor]) -> dict[str, Sequence[Any]]:
        """Return the values of each column, not read yet."""
        names = [spec.name for spec in self._specs]
        columns = [column for spec in self._specs for column in spec.columns]
        given: dict[str, Tensor] = {}
        for name, tensor in tensors.items():
            column = _matching(name, columns)
            if column in given:
                raise InvalidInput(
                    f"The request has the column {column!r} twice: as {shown(given[column].name)} "
                    f"and as {shown(name)}.",
                    "Send each column once.",
                )
            given[column] = tensor
        if set(given) & set(names) and not set(columns) <= set(given):
            return self._cells_of_matrices(tensors)
        # Who names no datatypes sends a table as it is, with columns that are not features.
        wanted = {n: t for n, t in given.items() if t.datatype is not None or n in columns}
        check_names(wanted, columns or names)
        count = row_count(list(wanted.values()))
        for tensor in wanted.values():
            if tensor.shape not in ((count,), (count, 1)):
                raise InvalidInput(
                    f"The tensor {tensor.name!r} has shape {list(tensor.shape)}.",
                    f"Every column has the same number of rows: use [{count}] or [{count}, 1].",
                )
        return {name: elements(wanted[name]) for name in columns}

    def _cells_of_matrices(self, tensors: Mapping[str, Tensor]) -> dict[str, Sequence[Any]]:
        matrix = tensors.get(FEATURES)
        if matrix is not None and matrix.datatype is None and len(tensors) == 1:
            row_count([matrix])
            return _by_column(matrix, [rules.name for rules in self.rules])
        check_names(tensors, [spec.name for spec in self._specs])
        row_count([tensors[spec.name] for spec in self._specs])
        cells: dict[str, Sequence[Any]] = {}
        for spec in self._specs:
            cells |= _by_column(tensors[spec.name], spec.columns)
        return cells


class _CategoryColumn:
    """Reads the values of one column of categories."""

    def __init__(self, rules: ColumnRules, known: Collection[str] | None) -> None:
        self._rules = rules
        self._values = KnownValues(rules, known)
        # Most values are known ones as they stand; these need no reading.
        self._as_they_stand = frozenset(known or ()) - {*rules.missing}

    def read(self, cells: Sequence[Any], unknown: dict[int, list[str]]) -> list[str]:
        """Return the categories, "" for a missing one, and add the column to unknown rows."""
        read = []
        for row, value in enumerate(cells):
            if isinstance(value, str) and value in self._as_they_stand:
                read.append(value)
                continue
            try:
                text = self._values.read(value)
            except UnreadableValue as error:
                raise _unreadable(self._rules, row, str(error)) from error
            if text is not None and not self._values.is_known(text):
                unknown.setdefault(row, []).append(self._rules.name)
            read.append(text or "")
        return read


def _numbers(rules: ColumnRules, cells: Sequence[Any], largest: float) -> Numbers:
    try:
        numbers = np.array(msgspec.convert(cells, list[float | None]), dtype=np.float64)
    except (msgspec.ValidationError, OverflowError, ValueError):
        numbers = np.array([_number(rules, row, value) for row, value in enumerate(cells)], float)
    else:
        for word in missing_numbers(rules):
            numbers[numbers == word] = np.nan
    beyond = np.flatnonzero(np.abs(numbers) > largest)
    if len(beyond):
        row = int(beyond[0])
        bits = 32 if largest < _LARGEST_DOUBLE else 64
        raise _unreadable(rules, row, f"{shown(cells[row])} is beyond {bits}-bit floating point")
    return numbers


def _number(rules: ColumnRules, row: int, value: Any) -> Any:
    try:
        return read_value(rules, value)
    except UnreadableValue as error:
        raise _unreadable(rules, row, str(error)) from error


def _unreadable(rules: ColumnRules, row: int, reason: str) -> InvalidInput:
    return InvalidInput(f"Row {row + 1}, column {rules.name!r}: {reason}.", allowed(rules))


def _by_column(tensor: Tensor, columns: Sequence[str]) -> dict[str, Sequence[Any]]:
    width = len(columns)
    if len(tensor.shape) != 2 or tensor.shape[1] != width:
        raise InvalidInput(
            f"The tensor {tensor.name!r} has shape {list(tensor.shape)}.",
            f"Use [rows, {width}], in the order {', '.join(columns)}.",
        )
    flat = elements(tensor)
    return {name: flat[index::width] for index, name in enumerate(columns)}


def _matching(name: str, columns: Collection[str]) -> str:
    """Return the column of this name, which may be in another Unicode form or have spaces."""
    clean = name if name in columns else clean_text(name)
    return clean if clean in columns else name


def _default_rules(spec: TensorSpec, name: str) -> ColumnRules:
    kind = ValueKind.CATEGORY if spec.datatype is Datatype.BYTES else ValueKind.NUMBER
    return ColumnRules(name=name, kind=kind)
