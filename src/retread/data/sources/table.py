"""A CSV or Parquet file with one example a row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from retread.core import InvalidInput
from retread.data.gathered import SourceExamples, SourceRequest
from retread.data.tabular import gather_table

DESCRIPTION = "a CSV or Parquet file (--labels COLUMN)"

_CSV = (".csv", ".csv.gz", ".tsv")
_PARQUET = (".parquet", ".pq")
_BLOCK = 64 * 2**20


def accepts(request: SourceRequest) -> bool:
    return request.source.is_file() and request.source.name.lower().endswith((*_CSV, *_PARQUET))


def gather(request: SourceRequest) -> SourceExamples:
    """Numeric columns are features as float64, others categories as strings."""
    table = _read(request.source)
    _check_header(table, request.source)
    if table.num_rows == 0:
        raise InvalidInput(f"{request.source} has no rows.", "Add rows below the header.")
    return gather_table(table, str(request.source.name), request)


def _check_header(table: pa.Table, path: Path) -> None:
    try:
        # Arrow does not look at the names itself.
        _ = table.column_names
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"The column names of {path} are not UTF-8 text: {error}.", "Save it as UTF-8."
        ) from error


def _read(path: Path) -> pa.Table:
    try:
        if path.name.lower().endswith(_PARQUET):
            return pyarrow.parquet.read_table(path)
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        return pyarrow.csv.read_csv(
            str(path),
            # Types are inferred from the first block, so it should be all of a usual file.
            read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator),
            convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True),
        )
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(
            f"{path} cannot be read as a table: {str(error).rstrip('.')}."
        ) from error
