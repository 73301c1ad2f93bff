"""The bodies of MLflow's scoring requests: the four forms of JSON, and CSV."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from itertools import islice
from typing import Any

from retread.core import InvalidInput
from retread.core.column_rules import listed, shown
from retread.serving.http import strict_json
from retread.serving.http.error_responses import unsupported_type
from retread.serving.rows import FEATURES, IMAGE
from retread.serving.tensors import Tensor

FORMS = ("inputs", "instances", "dataframe_split", "dataframe_records")

_JSON = "application/json"
_CSV = "text/csv"
_SEPARATORS = (",", ";", "\t", "|")
_NOT_OF_TABLES = frozenset(
    {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"}
)
"""Encodings that Python has for other ends; some take minutes for a megabyte."""

csv.field_size_limit(2**31 - 1)  # the body is bounded, and with another separator it is one field

_SAMPLED_ROWS = 100
"""Rows that decide on the separator."""


def read_body(body: bytes, content_type: str) -> dict[str, Tensor]:
    """Return a body as tensors without datatypes: the model's rules say how to read them.

    Raises:
        InvalidInput: The body is not what its type says, or in none of MLflow's forms.
        HttpRefusal: It is neither JSON nor CSV, or does not say what it is.
    """
    kind, charset = _media_type(content_type)
    if kind == _JSON:
        return tensors_of(strict_json.parse(body))
    if kind == _CSV:
        return tensors_of_csv(body, charset)
    raise unsupported_type(content_type, f"{_JSON} or {_CSV}")


def tensors_of(value: Any) -> dict[str, Tensor]:
    """Return the tensors of a body in one of MLflow's forms.

    Raises:
        InvalidInput: The body is in none of these forms.

    >>> sorted(tensors_of({"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}))
    ['a']
    """
    forms = [form for form in FORMS if isinstance(value, dict) and form in value]
    if len(forms) != 1:
        raise InvalidInput(
            "The body is not an MLflow scoring request.", f"Send one of: {', '.join(FORMS)}."
        )
    content = value[forms[0]]
    if forms[0] == "dataframe_split":
        return _split(content)
    if isinstance(content, Mapping):
        return _by_name({str(name): _checked_list(column) for name, column in content.items()})
    rows = _checked_list(content)
    if rows and all(isinstance(row, Mapping) for row in rows):
        return _records(rows)
    return _by_name({FEATURES if _depth(rows) <= 2 else IMAGE: rows})


def tensors_of_csv(body: bytes, charset: str = "utf-8") -> dict[str, Tensor]:
    """Return the columns of a CSV body with a header, its cells as text.

    The separator is the one by which the header has the most columns, and the first rows as many.

    Raises:
        InvalidInput: The body is not text in this charset, or not such a table.

    >>> tensors_of_csv(b"price;colour\\n1,5;red\\n")["price"].data
    ['1,5']
    """
    try:
        name = codecs.lookup(charset).name.replace("_", "-")
        if name in _NOT_OF_TABLES:
            raise LookupError(f"{name} is no encoding of text files")
        text = body.decode("utf-8-sig" if name == "utf-8" else name)
        return _by_name(_columns_of_csv(_rows_of_csv(text, _separator(text))))
    except (LookupError, ValueError, csv.Error) as error:
        raise InvalidInput(
            f"The body cannot be read as CSV in {charset[:40]}: {error}.",
            "Name its encoding, such as Content-Type: text/csv; charset=latin-1.",
        ) from error


def _columns_of_csv(rows: Iterator[list[str]]) -> dict[str, list[Any]]:
    names = next(rows, [])
    _check_unique(names)
    columns: dict[str, list[Any]] = {name: [] for name in names}
    cells = list(columns.values())
    for number, row in enumerate(rows, start=2):
        if len(row) != len(names):
            raise InvalidInput(
                f"Row {number} of the CSV has {len(row)} values, its header {len(names)}.",
                "Leave missing values empty, but keep their separators.",
            )
        for column, value in zip(cells, row, strict=True):
            column.append(value)
    if not cells or not cells[0]:
        raise InvalidInput("The CSV has no rows.", "Send a header and at least one row.")
    return columns


def _split(content: Any) -> dict[str, Tensor]:
    if not isinstance(content, Mapping) or not {"columns", "data"} <= set(content):
        raise InvalidInput("dataframe_split is incomplete.", "Send its columns and its data.")
    columns, rows = _checked_list(content["columns"]), _checked_list(content["data"])
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != len(columns):
            raise InvalidInput(
                f"Row {number} of dataframe_split has another length than its columns.",
                f"Each must be a list of {len(columns)} values.",
            )
    return _columns([str(column) for column in columns], rows)


def _records(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    names = list(rows[0])
    for number, row in enumerate(rows, start=1):
        if odd := set(names) ^ set(row):
            raise InvalidInput(
                f"Record {number} has other keys than the first: {listed(sorted(odd))}.",
                f"Each must have: {listed(names)}.",
            )
    return _by_name({name: [row[name] for row in rows] for name in names})


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Tensor]:
    _check_unique(names)
    return _by_name({name: [row[index] for row in rows] for index, name in enumerate(names)})


def _check_unique(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidInput(
                f"The request has the column {shown(name)} twice.", "Send each column once."
            )
        seen.add(name)


def _by_name(columns: Mapping[str, list[Any]]) -> dict[str, Tensor]:
    return {name: Tensor(name, None, _shape(data), data) for name, data in columns.items()}


def _shape(data: list[Any]) -> tuple[int, ...]:
    shape: list[int] = []
    level: Any = data
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    return tuple(shape)


def _checked_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput("A list was expected.", f"Send one of: {', '.join(FORMS)}.")
    return value


def _depth(value: Any) -> int:
    depth = 0
    while isinstance(value, list) and value:
        depth += 1
        value = value[0]
    return depth


def _rows_of_csv(text: str, separator: str) -> Iterator[list[str]]:
    return filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=separator))


def _separator(text: str) -> str:
    tables = {s: list(islice(_rows_of_csv(text, s), _SAMPLED_ROWS)) for s in _SEPARATORS}
    width = {s: len(table[0]) if table else 0 for s, table in tables.items()}
    return max(_SEPARATORS, key=lambda s: (_is_even(tables[s]), width[s]))


def _is_even(table: Sequence[Sequence[str]]) -> bool:
    """Return whether a table has several columns, and all its rows as many."""
    widths = {len(row) for row in table}
    return len(widths) == 1 and widths != {1}


def _media_type(content_type: str) -> tuple[str, str]:
    header = Message()
    header["content-type"] = content_type
    return header.get_content_type(), str(header.get_param("charset") or "utf-8")
