"""Read a file into a table whose cells are as the file has them: text stays text."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from retread.core import InvalidInput
from retread.data.row_numbers import (
    FROM_ONE,
    Numbers,
    RowNumbers,
    record_lines,
    rows_of_text,
)
from retread.data.tables.cells import common_type
from retread.data.tables.dialect import (
    Dialect,
    find_dialect,
    has_quotes,
    header,
    parse_options,
    to_utf8,
)
from retread.data.tables.records import read_json_lines, read_sheet

_COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress,
}  # fmt: skip
_TEXT = (".csv", ".tsv", ".txt", ".tab")
_JSON_LINES = (".jsonl", ".ndjson")
_PARQUET = (".parquet", ".pq")
_EXCEL = (".xlsx", ".xlsm")
_OLD_EXCEL = (".xls", ".xlsb", ".ods", ".numbers")
_BLOCK = 4 * 2**20
_HEAD = 2**16
_NEWLINE = ord("\n")
_BLANK = b" \t\r\n\xef\xbb\xbf\xfe\xff\0"

FORMATS = "CSV (also .tsv, .txt, .gz), JSON lines, Excel (.xlsx), Parquet or a folder of Parquet"


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What the settings say about reading a file; empty where they say nothing."""

    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class RawTable:
    """A file as a table, before anything is decided about its columns.

    Attributes:
        table: A row per example; text for the cells of a text file.
        names: The names of its columns as the file has them. They may repeat, or be blank.
        rows: The numbers of its rows in the file.
        reading: In words, how the file was read.
        semicolons: Whether semicolons separate its cells, as where decimals are written with a
            comma.
    """

    table: pa.Table
    names: list[str]
    rows: RowNumbers
    reading: str
    semicolons: bool = False


def is_table(path: Path) -> bool:
    """Return whether a path is a file or folder that `read_file` reads, by its name."""
    if path.is_dir():
        return next(_parquet_files(path), None) is not None
    name = _without_compression(path)[0]
    return name.endswith((*_TEXT, *_JSON_LINES, *_PARQUET, *_EXCEL, *_OLD_EXCEL))


def read_file(path: Path, options: FileOptions = FileOptions()) -> RawTable:
    """Read a table.

    Raises:
        InvalidInput: The file is damaged, or is not what its name says.
    """
    name, expand = _without_compression(path)
    try:
        if path.is_dir():
            return _read_parquet_folder(path)
        if name.endswith(_PARQUET):
            return _from_arrow(_read_parquet(path), "Parquet")
        if name.endswith(_OLD_EXCEL):
            raise InvalidInput(
                f"{path.name} is in a format of spreadsheets that is not read.",
                "Save it as .xlsx or .csv.",
            )
        if name.endswith(_EXCEL):
            sheet = read_sheet(path, options.sheet)
            return RawTable(sheet.table, sheet.names, sheet.rows, sheet.reading)
        content = _content(path, expand)
        if name.endswith(_JSON_LINES):
            text, _ = to_utf8(content, path.name, options.encoding)
            lines = read_json_lines(text.to_pybytes(), path.name)
            return RawTable(lines.table, lines.names, lines.rows, lines.reading)
        tabs = "\t" if name.endswith((".tsv", ".tab")) else ""
        return _read_text(content, path.name, options, options.delimiter or tabs)
    except (pa.ArrowException, OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{path} cannot be read as a table: {str(error).rstrip('.')}.",
            "Check that the file is complete and has the ending of its format.",
        ) from error


def _without_compression(path: Path) -> tuple[str, Callable[[bytes], bytes] | None]:
    name = path.name.lower()
    for suffix, expand in _COMPRESSED.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix), expand
    return name, None


def _content(path: Path, expand: Callable[[bytes], bytes] | None) -> pa.Buffer:
    content = pa.py_buffer(expand(path.read_bytes())) if expand is not None else None
    if content is None and path.stat().st_size:
        with pa.OSFile(str(path)) as file:
            content = file.read_buffer()
    head = content.slice(0, min(content.size, _HEAD)).to_pybytes() if content is not None else b""
    if content is None or not head.strip(_BLANK):
        raise InvalidInput(f"{path} has no rows: the file is empty.", "Add a header and rows.")
    return content


def _read_text(content: pa.Buffer, name: str, options: FileOptions, delimiter: str) -> RawTable:
    text, encoding = to_utf8(content, name, options.encoding)
    dialect = find_dialect(text, name, delimiter)
    names = header(text, dialect)
    misfits: list[object] = []

    def note(row: object) -> str:
        misfits.append(row)
        return "skip"

    table = _parse(text, dialect, len(names), note, threads=True)
    if misfits:
        misfits.clear()
        # Only a single thread knows the numbers of rows.
        _parse(text, dialect, len(names), note, threads=False)
        raise _misfit(misfits, name, names, dialect, record_lines(text, dialect.quote))
    known = "" if encoding == "utf-8" else f", in the encoding {encoding}{_words(text)}"
    first = 2 + dialect.skipped_lines
    if _has_a_line_per_row(text, table.num_rows + first - 1):
        rows, swallowed = RowNumbers(first), ""
    else:
        rows = rows_of_text(text, dialect.quote, dialect.skipped_lines, table.num_rows)
        swallowed = _swallowed(table, dialect, rows)
    return RawTable(
        table, names, rows, f"{dialect}{known}{swallowed}", semicolons=dialect.delimiter == ";"
    )


def _has_a_line_per_row(text: pa.Buffer, lines: int) -> bool:
    """Return whether a text has so many lines, with a line feed at the end of each."""
    blocks = (text.slice(at, min(_BLOCK, text.size - at)) for at in range(0, text.size, _BLOCK))
    ends = sum(np.count_nonzero(np.frombuffer(block, np.uint8) == _NEWLINE) for block in blocks)
    has_last = text.size > 0 and text.slice(text.size - 1).to_pybytes() == b"\n"
    return ends + (not has_last) == lines


def _parse(
    text: pa.Buffer, dialect: Dialect, columns: int, note: Callable[[object], str], *, threads: bool
) -> pa.Table:
    keys = [f"f{i}" for i in range(columns)]
    return pyarrow.csv.read_csv(
        pa.BufferReader(text),
        read_options=pyarrow.csv.ReadOptions(
            column_names=keys,
            skip_rows=dialect.skipped_lines,
            skip_rows_after_names=1,
            block_size=_BLOCK,
            use_threads=threads,
        ),
        parse_options=parse_options(dialect, note, has_quotes=has_quotes(text, dialect)),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(keys, pa.string()), strings_can_be_null=False
        ),
    )


def _misfit(
    misfits: list[object], name: str, names: list[str], dialect: Dialect, lines: Numbers
) -> InvalidInput:
    first = misfits[0]
    record = (getattr(first, "number", None) or 0) - dialect.skipped_lines
    below = lines[lines > dialect.skipped_lines]
    number = below[record - 1] if 0 < record <= len(below) else record
    return InvalidInput(
        f"Row {number} of {name} has {getattr(first, 'actual_columns', '?')} cells, but the "
        f"header has {len(names)}: {getattr(first, 'text', '')[:80]!r}. "
        f"{len(misfits)} such rows; the cells are {dialect}.",
        "Correct these rows (a cell with the separator in it must be quoted), or set "
        "[data] delimiter.",
    )


def _words(text: pa.Buffer) -> str:
    """Return some words that show whether the encoding is right."""
    head = text.slice(0, min(text.size, _HEAD)).to_pybytes().decode(errors="ignore")
    words = dict.fromkeys(re.findall(r"\w*[^\W\x00-\x7f]\w*", head))
    return f" ([data] encoding, if these are no words: {', '.join([*words][:3])})" if words else ""


def _swallowed(table: pa.Table, dialect: Dialect, rows: RowNumbers) -> str:
    """Say which cell may hold whole rows, as where a quote is never closed."""
    between = table.num_columns - 1
    for column in table.columns if between else ():
        several = np.flatnonzero(pc.match_substring(column, "\n").to_numpy())
        for row in several.tolist():
            cell = column[row].as_py()
            if cell.count(dialect.delimiter) == between * cell.count("\n"):
                return f"; row {rows[row]} has a quote that may enclose whole rows: {cell[:60]!r}"
    return ""


def _read_parquet(path: Path) -> pa.Table:
    with pyarrow.parquet.ParquetFile(path) as file:
        return file.read()


def _read_parquet_folder(path: Path) -> RawTable:
    parts = [_with_partitions(file, path) for file in sorted(_parquet_files(path))]
    for part in parts:
        if len(set(part.column_names)) < part.num_columns:
            twice = next(n for n in part.column_names if part.column_names.count(n) > 1)
            raise InvalidInput(
                f"A file in {path.name} has more than one column {twice!r}.",
                "Give each column its own name.",
            )
    schema = _common_schema([part.schema for part in parts], path)
    aligned = [
        part.cast(pa.schema([schema.field(n) for n in part.column_names]), safe=False)
        for part in parts
    ]
    whole = pa.concat_tables(aligned, promote_options="default").select(schema.names)
    return _from_arrow(whole, f"{len(parts)} Parquet files")


def _with_partitions(file: Path, root: Path) -> pa.Table:
    """Return a file with the columns that the names of its folders give, such as year=2020."""
    table = _read_parquet(file)
    for folder in file.relative_to(root).parent.parts:
        name, is_partition, value = folder.partition("=")
        if is_partition and name not in table.column_names:
            known = None if value == "__HIVE_DEFAULT_PARTITION__" else unquote(value)
            column = pa.repeat(pa.scalar(known, pa.string()), table.num_rows)
            table = table.append_column(name, column)
    return table


def _common_schema(schemas: list[pa.Schema], path: Path) -> pa.Schema:
    """Return the columns of all files, with a type that holds those of all files."""
    types: dict[str, set[pa.DataType]] = {}
    for field in (field for schema in schemas for field in schema):
        types.setdefault(field.name, set()).add(field.type)
    fields = []
    for name, found in types.items():
        known = [kind for kind in found if not pa.types.is_null(kind)] or [pa.null()]
        common = known[0] if len(known) == 1 else common_type(known)
        if common is None:
            raise InvalidInput(
                f"Column {name!r} has several types in the files of {path.name}: "
                f"{', '.join(sorted(map(str, known)))}.",
                "Write all files with one type for it.",
            )
        fields.append(pa.field(name, common))
    return pa.schema(fields)


def _from_arrow(table: pa.Table, reading: str) -> RawTable:
    names = [str(name) for name in table.column_names]
    keys = [f"f{i}" for i in range(len(names))]
    return RawTable(table.rename_columns(keys), names, FROM_ONE, reading)


def _parquet_files(folder: Path) -> Iterator[Path]:
    """Return the Parquet files of a folder, but not what Spark and others keep beside them."""
    for path in folder.rglob("*"):
        hidden = any(part[0] in "._" for part in path.relative_to(folder).parts)
        if path.name.lower().endswith(_PARQUET) and path.is_file() and not hidden:
            yield path
