"""The files that `retread predict` sends: images, and tables in every format of `data add`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from retread.core import InvalidInput
from retread.core.column_rules import ColumnRules, clean_text

if TYPE_CHECKING:
    from retread.data.tables import FileOptions, RawTable
    from retread.serving.client_data import Row

_JSON = ".json"
_TEXT_FORMATS = "CSV, JSON, JSON lines, Excel or Parquet"


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file with rows, which are not read by any rules yet.

    Attributes:
        names: The names of its columns.
        columns: Its columns as Arrow has them, or values of JSON.
        numbers: The numbers of its rows in the file, where the header is 1.
    """

    names: Sequence[str]
    columns: Sequence[Any]
    numbers: Sequence[int]

    def rows(self, rules: Sequence[ColumnRules]) -> list[Row]:
        """Return the rows with the columns that a model takes.

        Raises:
            InvalidInput: A column that the model takes is there twice, or has no single values.
        """
        from retread.data.tables import plain_values

        wanted = {rule.name for rule in rules}
        cells: dict[str, Sequence[Any]] = {}
        for name, column in zip(self.names, self.columns, strict=True):
            if name not in wanted:
                continue
            if name in cells:
                raise InvalidInput(f"The column {name!r} is there twice.", "Rename one of them.")
            is_json = isinstance(column, list)
            cells[name] = column if is_json else plain_values(column, name).to_pylist()
        if not cells:
            return [{} for _ in self.numbers]
        return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def read_files(paths: Sequence[Path], options: FileOptions) -> list[tuple[Path, bytes | TableFile]]:
    """Read every file before the first is sent: images as bytes.

    Raises:
        InvalidInput: A file does not exist, is in another format, or is damaged.
    """
    from retread.data.images import SUFFIXES
    from retread.data.tables import is_table

    for path in paths:
        suffix = path.suffix.lower()
        if suffix not in (*SUFFIXES, _JSON) and not is_table(path):
            raise InvalidInput(
                f"{path} is neither an image nor a table.",
                f"Use {_TEXT_FORMATS}, or one of: {', '.join(SUFFIXES)}.",
            )
        if not path.exists():
            raise InvalidInput(f"The file {path} does not exist.", "Check its name.")
    return [(path, _content(path, options)) for path in paths]


def _content(path: Path, options: FileOptions) -> bytes | TableFile:
    from retread.data.images import SUFFIXES
    from retread.data.tables import read_file

    if path.suffix.lower() in SUFFIXES:
        return path.read_bytes()
    is_json = path.suffix.lower() == _JSON
    table = _json_table(path) if is_json else _table(read_file(path, options))
    if not len(table.numbers):
        raise InvalidInput(f"{path} has no rows.", "A table needs a header and a row.")
    return table


def _table(raw: RawTable) -> TableFile:
    numbers = raw.rows.listed(raw.table.num_rows)
    return TableFile([clean_text(name) for name in raw.names], raw.table.columns, numbers)


def _json_table(path: Path) -> TableFile:
    try:
        value = msgspec.json.decode(path.read_bytes())
        rows = msgspec.convert(value if isinstance(value, list) else [value], list[dict[str, Any]])
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"{path} cannot be read: {error}.", "Use one object per row.") from error
    names = list(rows[0]) if rows else []
    for number, row in enumerate(rows, start=1):
        _check_keys(path, number, row, names)
    columns = [[row[name] for row in rows] for name in names]
    return TableFile([clean_text(name) for name in names], columns, range(1, len(rows) + 1))


def _check_keys(path: Path, number: int, row: Mapping[str, Any], names: Sequence[str]) -> None:
    odd = sorted(set(names) ^ set(row))
    if odd:
        raise InvalidInput(
            f"Row {number} of {path} has other keys than the first: {', '.join(odd)}.",
            "Use the same keys in every object; null is a missing value.",
        )
