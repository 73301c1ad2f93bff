"""A source: a CSV or Parquet file with one example per row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from retread.core import InvalidInput
from retread.data.source import SourceExamples, SourceRequest
from retread.data.tabular import gather_table

DESCRIPTION = "a CSV or Parquet file (--labels COLUMN)"

_CSV = (".csv", ".csv.gz", ".tsv")
_PARQUET = (".parquet", ".pq")
_BLOCK = 64 * 2**20


def accepts(request: SourceRequest) -> bool:
    """Return whether the source is a CSV or Parquet file, by its suffix."""
    return request.source.is_file() and request.source.name.lower().endswith((*_CSV, *_PARQUET))


def gather(request: SourceRequest) -> SourceExamples:
    """Read the rows of the file: numeric features as float64, others as categories.

    Raises:
        InvalidInput: The file is not a table, or its columns do not fit the settings.
    """
    table = read_table(request.source)
    _check_header(table, request.source)
    if table.num_rows == 0:
        raise InvalidInput(f"{request.source} has no rows.", "Add rows below the header.")
    return gather_table(table, str(request.source.name), request)


def _check_header(table: pa.Table, path: Path) -> None:
    try:
        # Arrow does not check the names itself.
        _ = table.column_names
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"The column names of {path} are not UTF-8 text: {error}.", "Save it as UTF-8."
        ) from error


def read_table(path: Path) -> pa.Table:
    """Read a file as a table.

    Raises:
        InvalidInput: It is not a table.
    """
    try:
        if path.name.lower().endswith(_PARQUET):
            return pyarrow.parquet.read_table(path)
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        return pyarrow.csv.read_csv(
            str(path),
            # Types are inferred from the first block, so it should cover a typical file.
            read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator),
            convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True),
        )
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(
            f"{path} cannot be read as a table: {str(error).rstrip('.')}."
        ) from error
