"""Read rows of typed cells: JSON lines and Excel sheets."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from retread.core import InvalidInput
from retread.core.column_rules import UnreadableValue, category_text
from retread.data.row_numbers import RowNumbers


@dataclass(frozen=True, slots=True)
class Records:
    """Rows as a table. Columns whose cells have several types are text.

    Attributes:
        table: A row per record; the columns are f0, f1, ...
        names: The names of the columns.
        rows: The numbers of the records in the file.
        reading: In words, how the file was read.
    """

    table: pa.Table
    names: list[str]
    rows: RowNumbers
    reading: str


def read_json_lines(text: bytes, name: str) -> Records:
    """Read one JSON object per line.

    Raises:
        InvalidInput: A line is not an object of single values.
    """
    columns: dict[str, list[object]] = {}
    decoder = msgspec.json.Decoder(dict[str, object])
    numbers: list[int] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        record = _json_object(line, decoder, f"Line {number} of {name}")
        for key, value in record.items():
            if isinstance(value, list | dict):
                raise InvalidInput(
                    f"Line {number} of {name} has a {type(value).__name__} in {key!r}.",
                    "Every value must be a text, a number, true, false or null.",
                )
            values = columns.get(key)
            if values is None:
                values = columns[key] = [None] * len(numbers)
            values.append(value)
        numbers.append(number)
        if len(record) < len(columns):
            for values in columns.values():
                if len(values) < len(numbers):
                    values.append(None)
    rows = RowNumbers(find=lambda: np.array(numbers, np.int64))
    return _records(list(columns), list(columns.values()), rows, "JSON lines")


def read_sheet(path: Path, sheet: str = "") -> Records:
    """Read a sheet of an Excel file: the first one, or the one named.

    Raises:
        InvalidInput: The file is not one of Excel, or has no such sheet.
    """
    import openpyxl  # Few projects read Excel files, and it takes long to import.

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        sheets = {one.title: one.sheet_state == "visible" for one in book.worksheets}
    except Exception as error:  # the library raises whatever a damaged file leads it to
        raise InvalidInput(
            f"{path.name} is not an Excel file, or is damaged: {error}.",
            "Save it again as .xlsx without charts of their own sheet, or as .csv.",
        ) from error
    if not sheets or (sheet and sheet not in sheets):
        raise InvalidInput(
            f"{path.name} has no sheet {sheet!r}.",
            f"Its sheets are: {', '.join(sheets)}.",
        )
    name = sheet or next((one for one in sheets if sheets[one]), next(iter(sheets)))
    rows = [list(row) for row in book[name].iter_rows(values_only=True)]
    book.close()
    top = next((i for i, row in enumerate(rows) if any(cell is not None for cell in row)), None)
    if top is None:
        raise InvalidInput(f"The sheet {name!r} of {path.name} has no rows.", "Add rows.")
    while all(cell is None for cell in rows[-1]):
        rows.pop()
    header = [str(cell) if cell is not None else "" for cell in rows[top]]
    body = rows[top + 1 :]
    width = max(len(row) for row in rows[top:])
    header += [""] * (width - len(header))
    columns = [[row[i] if i < len(row) else None for row in body] for i in range(width)]
    others = [other for other in sheets if other != name]
    also = f" (not {', '.join(others)}: see [data] sheet)" if others and not sheet else ""
    return _records(header, columns, RowNumbers(top + 2), f"the sheet {name}{also}")


def _json_object(line: bytes, decoder: msgspec.json.Decoder[dict[str, object]], at: str) -> Any:
    try:
        record = decoder.decode(line)
        if line.count(b":") == len(record):
            return record
        return json.loads(line, object_pairs_hook=lambda pairs: _unique(pairs, at))
    except msgspec.DecodeError as error:
        # Python writes NaN and Infinity, which are not JSON.
        with suppress(ValueError):
            record = json.loads(line, object_pairs_hook=lambda pairs: _unique(pairs, at))
            if isinstance(record, dict):
                json.dumps(record, ensure_ascii=False).encode()  # half a character is no text
                return record
        raise InvalidInput(
            f"{at} is not a JSON object: {error}.",
            'Write one object per line, such as {"x": 1.5, "y": "good"}.',
        ) from error


def _unique(pairs: list[tuple[str, object]], at: str) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise InvalidInput(f"{at} has {twice!r} twice.", "Leave one of them out.")
    return record


def _records(
    names: list[str], columns: Sequence[list[object]], rows: RowNumbers, reading: str
) -> Records:
    cells = {f"f{i}": _column(values) for i, values in enumerate(columns)}
    return Records(pa.table(cells), names, rows, reading)


def _column(values: list[object]) -> pa.Array:
    types = {type(value) for value in values if value is not None}
    if types and types <= {int, float}:
        if all(abs(value) < 2**63 for value in values if isinstance(value, int)):
            return pa.array(values, pa.float64() if float in types else pa.int64())
    elif types == {bool}:
        return pa.array(values, pa.bool_())
    elif types <= {datetime, date} and types:
        return pa.array([_moment(v) for v in values], pa.timestamp("us"))
    elif types == {timedelta}:
        return pa.array(values, pa.duration("us"))
    return pa.array([None if v is None else _text(v) for v in values], pa.string())


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else None


def _text(value: object) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    try:
        return category_text(value)
    except UnreadableValue:
        return str(value)
