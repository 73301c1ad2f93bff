"""A source: a file or folder that is a table, with one example per row."""

from __future__ import annotations

from retread.core import InvalidInput
from retread.data.source import SourceExamples, SourceRequest
from retread.data.tables import FORMATS, FileOptions, is_table, read_file
from retread.data.tabular import gather_table

DESCRIPTION = f"a table with --labels COLUMN: {FORMATS}"


def accepts(request: SourceRequest) -> bool:
    """Return whether the source is a table, by its name."""
    is_images = request.source.is_dir() and request.labels == "folder"
    return not is_images and is_table(request.source)


def gather(request: SourceRequest) -> SourceExamples:
    """Read the rows of the table, and decide how the values of each column are read.

    Raises:
        InvalidInput: The file is not a table, or its columns do not fit the settings.
    """
    settings = request.settings
    options = FileOptions(settings.encoding, settings.delimiter, settings.sheet)
    raw = read_file(request.source, options)
    if raw.table.num_rows == 0:
        raise InvalidInput(
            f"{request.source} has no rows: it was read as {raw.reading}.",
            "Add rows below the header.",
        )
    return gather_table(
        raw.table,
        request.source.name,
        request,
        names=raw.names,
        numbers=raw.rows,
        reading=raw.reading,
        semicolons=raw.semicolons,
    )
