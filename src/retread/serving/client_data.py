"""What a client sends: rows, images and true labels, out of the many forms that they have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Number
from pathlib import Path
from typing import Any

from retread.core import InvalidInput
from retread.core.column_rules import (
    ColumnRules,
    UnreadableValue,
    ValueKind,
    allowed,
    read_value,
    shown,
)
from retread.core.listed import listed

Value = float | int | str | bool | None
Row = Mapping[str, Value]
Image = bytes | str | Path
"""An image file: its content, or its path."""

_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"BM", "image/bmp"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    *((f"P{number}".encode(), "image/x-portable-anymap") for number in range(1, 7)),
)
_TOO_LONG_FOR_JSON = 2**63
_FEATURE = ColumnRules(name="every feature", kind=ValueKind.NUMBER)
_FORMS = "A row is a mapping of columns to values, or a list of numbers in the features' order."


def as_rows(data: Any) -> tuple[Sequence[Any], bool]:
    """Return data as a list of rows or images, and whether it was a single one.

    Raises:
        InvalidInput: It is neither, or is empty.

    >>> as_rows([None, 1.5])
    ([[None, 1.5]], True)
    """
    data = _plain(data)
    if isinstance(data, Mapping | Image):
        return [data], True
    if not isinstance(data, Sequence):
        raise InvalidInput(f"{shown(data)} cannot be predicted.", _FORMS)
    if not data:
        raise InvalidInput(
            "There are no rows to predict.", "Pass a row, an image, or a list that is not empty."
        )
    if _is_scalar(data[0]):
        return [data], True
    return [_plain(one) for one in data], False


def feature_tensor(rows: Sequence[Any]) -> dict[str, Any]:
    """Return rows of numbers as one tensor.

    Raises:
        InvalidInput: A row is not a list, has another length or holds what is not a number.
    """
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Sequence) or isinstance(row, Image):
            raise InvalidInput(f"Row {number} is {shown(row)}.", _FORMS)
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        raise InvalidInput("The rows have different lengths.", f"Each must have {width} values.")
    data = [
        _scalar(_FEATURE, value, f"Feature {column}", number)
        for number, row in enumerate(rows, start=1)
        for column, value in enumerate(row, start=1)
    ]
    return _tensor("features", [len(rows), width], data)


def column_tensor(
    rules: ColumnRules, rows: Sequence[Row], numbers: Sequence[int]
) -> dict[str, Any]:
    """Return one column of the rows as a tensor, its values as they are: the server reads them.

    Args:
        rules: The rules of the column, by which the values are checked.
        rows: The rows.
        numbers: The number of each row, for the error.

    Raises:
        InvalidInput: A row does not have the column, or not with such a value.
    """
    data = []
    for number, row in zip(numbers, rows, strict=True):
        if rules.name not in row:
            has = listed(map(shown, row))
            raise InvalidInput(f"Row {number} has no column {rules.name!r}; it has: {has}.")
        data.append(_scalar(rules, row[rules.name], f"Column {rules.name!r}", number))
    return _tensor(rules.name, [len(rows)], data)


def image_file(image: Image) -> bytes:
    """Return the content of an image file.

    Raises:
        InvalidInput: It cannot be read.
    """
    if isinstance(image, bytes):
        return image
    try:
        return Path(image).read_bytes()
    except OSError as error:
        raise InvalidInput(f"{image} cannot be read: {error.strerror}.") from error


def media_type(content: bytes) -> str:
    """Return the Content-Type of an image file.

    Raises:
        InvalidInput: Its format is not one of those that the server takes.
    """
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    raise InvalidInput(
        "The image cannot be read: its format is not recognised.",
        "Send one of: JPEG, PNG, WEBP, BMP, GIF, TIFF, AVIF, PPM.",
    )


def true_label(pair: Any, number: int) -> dict[str, Any]:
    """Return a pair of request id and label as the server takes it.

    Args:
        pair: The pair.
        number: Its position from 1, for the error.

    Raises:
        InvalidInput: It is not such a pair.
    """
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InvalidInput(
            f"Pair {number} is {shown(pair)}.", "Use pairs of request id and true label."
        )
    id_, label = pair[0], _item(pair[1])
    if not isinstance(id_, str) or not _is_label(label):
        raise InvalidInput(
            f"Pair {number} is {shown(pair)}.",
            "The request id is text, and the label text, a truth value or a finite number.",
        )
    return {"id": id_, "label": label}


def _plain(data: Any) -> Any:
    """Return a data frame as a list of mappings, a series as a row, an array as nested lists."""
    if isinstance(data, bytearray | memoryview):
        return bytes(data)
    if hasattr(data, "to_dict"):
        if getattr(data, "ndim", 2) != 1:
            return data.to_dict("records")
        row = data.to_dict()
        return row if all(isinstance(name, str) for name in row) else list(row.values())
    return data.tolist() if hasattr(data, "tolist") else data


def _tensor(name: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    is_numeric = all(one is None or _is_number(one) for one in data)
    datatype = "FP64" if is_numeric else "BYTES"
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def _scalar(rules: ColumnRules, value: Any, where: str, row: int) -> Any:
    """Return a value as JSON has it, None for a missing one; text stays as it is."""
    is_number_column = rules.kind is ValueKind.NUMBER
    if _is_missing(value) and (is_number_column or not isinstance(value, str)):
        return None
    value = _item(value)
    if isinstance(value, Decimal | Fraction):
        value = float(value) if is_number_column else str(value)
    if isinstance(value, str) and rules is _FEATURE:
        return value  # only the server knows the rules of a column without a name
    try:
        read_value(rules, value)
        if isinstance(value, float) and math.isinf(value):
            raise UnreadableValue("JSON has no infinite numbers")
    except UnreadableValue as error:
        raise InvalidInput(
            f"{where} has the value {shown(value)} in row {row}: {error}.", allowed(rules)
        ) from error
    is_too_long = isinstance(value, int) and abs(value) >= _TOO_LONG_FOR_JSON
    return str(value) if is_too_long else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, Image):
        return False
    return isinstance(value, Number) or getattr(value, "ndim", None) == 0 or _is_missing(value)


def _is_missing(value: Any) -> bool:
    """Return whether a value is None, empty text, NaN, or NA or NaT of pandas."""
    if value is None or isinstance(value, str):
        return not value
    try:
        return bool(value != value)
    except (TypeError, ValueError, RuntimeError, ArithmeticError):  # NA, arrays, signalling NaN
        return type(value).__name__ == "NAType"


def _item(value: Any) -> Any:
    """Return a scalar of NumPy, PyTorch and others as one of Python."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _is_label(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) < _TOO_LONG_FOR_JSON
    return isinstance(value, str) or (isinstance(value, float) and math.isfinite(value))
