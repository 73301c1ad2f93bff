"""Recognise a table without a header, whose first row would be taken for the names of columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from retread.core import InvalidInput
from retread.core.column_rules import clean_text, shown
from retread.core.listed import listed
from retread.data.tables.cells import is_number

_SAMPLE = 1000
_FRACTION = re.compile(r"[+-]?\d*[.,]\d+")


def refuse_missing_header(
    names: Sequence[str], columns: Sequence[pa.ChunkedArray], table: str
) -> None:
    """Refuse names of columns each of which could stand in a cell below it.

    A number does between the least and the greatest of its column, and a text among those of its
    column. Whole numbers alone do not count: years and the items of a questionnaire are names.

    Raises:
        InvalidInput: The names are a row.
    """
    has_sign = False
    for name, column in zip(map(clean_text, names), columns, strict=True):
        if not (pa.types.is_string(column.type) or is_number(column.type)):
            return
        values = [clean_text(str(v)) for v in column.slice(0, _SAMPLE).to_pylist() if v is not None]
        numbers = [number for value in values if (number := _number(value)) is not None]
        number = _number(name)
        if 2 * len(numbers) > len(values):
            if number is None or not min(numbers) <= number <= max(numbers):
                return
            has_sign = has_sign or bool(_FRACTION.fullmatch(name))
        elif not name or name not in values:
            return
        else:
            has_sign = True
    if has_sign:
        raise InvalidInput(
            f"{table} seems to have no header: its first row is {listed(map(shown, names))}, and "
            "such values are in the rows below it.",
            "Add a line with the names of the columns above it.",
        )


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
