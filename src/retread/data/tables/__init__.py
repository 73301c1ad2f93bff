"""Tables as people have them: files of any dialect, and what their columns are.

A file is read with its cells as they are (`read_file`), what each column is is decided from all of
them (`decide`), and the rules that come of it read the values (`read_cells`), as `read_value` reads
a single one at every other door.
"""

from retread.data.tables.cells import Positions, ReadCells, plain_values, read_cells
from retread.data.tables.decide import (
    CONSTANT,
    ColumnVerdict,
    Question,
    decide,
    missing_words,
)
from retread.data.tables.features import Features, has_commas, read_by, read_features, unused
from retread.data.tables.formats import FORMATS, FileOptions, RawTable, is_table, read_file
from retread.data.tables.index_columns import counts_rows, is_saved_index
from retread.data.tables.missing_header import refuse_missing_header
from retread.data.tables.roles import (
    ReadRole,
    cells_named,
    read_groups,
    read_labels,
    read_row_times,
    read_targets,
)
from retread.data.tables.texts import near_equal, shown
from retread.data.tables.time_texts import NotTimes, TimeOptions
from retread.data.tables.times import UTC_MICROSECONDS, read_times

__all__ = [
    "CONSTANT",
    "FORMATS",
    "UTC_MICROSECONDS",
    "ColumnVerdict",
    "Features",
    "FileOptions",
    "NotTimes",
    "Positions",
    "Question",
    "RawTable",
    "ReadCells",
    "ReadRole",
    "TimeOptions",
    "cells_named",
    "counts_rows",
    "decide",
    "has_commas",
    "is_saved_index",
    "is_table",
    "missing_words",
    "near_equal",
    "plain_values",
    "read_by",
    "read_cells",
    "read_features",
    "read_file",
    "read_groups",
    "read_labels",
    "read_row_times",
    "read_targets",
    "read_times",
    "refuse_missing_header",
    "shown",
    "unused",
]
