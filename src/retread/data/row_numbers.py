"""The numbers by which messages name rows: those of the lines on which an editor shows them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.int64]


class RowNumbers:
    """The number of each row of a table in its file.

    Rows follow each other, unless the file has blank lines or cells of several lines.
    """

    def __init__(self, first: int = 1, find: Callable[[], Numbers | None] | None = None) -> None:
        """Number rows.

        Args:
            first: The number of the first row.
            find: Returns the numbers of all rows, or None if they follow each other; called once,
                for the first message that names a row.
        """
        self._first = first
        self._find = find

    def __getitem__(self, position: int) -> int:
        """Return the number of the row at a position."""
        found = self._found
        return int(position) + self._first if found is None else int(found[position])

    def of(self, positions: Numbers) -> Numbers:
        """Return the numbers of the rows at some positions."""
        return positions + self._first if self._found is None else self._found[positions]

    def listed(self, count: int) -> list[int]:
        """Return the numbers of the first rows."""
        numbers: list[int] = self.of(np.arange(count)).tolist()
        return numbers

    @cached_property
    def _found(self) -> Numbers | None:
        return self._find() if self._find else None


FROM_ONE = RowNumbers()
"""The rows of a table without a header."""


def rows_of_text(text: pa.Buffer, quote: str, skipped: int, rows: int) -> RowNumbers:
    """Return the numbers of the rows of a text file.

    Args:
        text: Its text, in an encoding that extends ASCII.
        quote: What encloses cells.
        skipped: The number of lines above the header.
        rows: The number of rows below the header.
    """

    def find() -> Numbers | None:
        lines = record_lines(text, quote)
        lines = lines[lines > skipped][1:]
        # Quotes within a cell that is not in quotes make the lines unsure.
        return lines if len(lines) == rows else None

    return RowNumbers(2 + skipped, find)


def record_lines(text: pa.Buffer, quote: str) -> Numbers:
    """Return the numbers of the lines on which the records of a text file begin.

    >>> record_lines(pa.py_buffer(b'a,b\\n\\n1,2\\n"x\\ny",3\\n\\n4,5'), '"').tolist()
    [1, 3, 4, 7]
    """
    data = np.frombuffer(text, np.uint8)
    line_end = ord("\n") if (data == ord("\n")).any() else ord("\r")
    ends = np.flatnonzero(data == line_end)
    starts = np.concatenate([[0], ends + 1])
    lengths = np.concatenate([ends, [len(data)]]) - starts
    first = data[np.minimum(starts, len(data) - 1)] if len(data) else starts
    is_blank = (lengths == 0) | ((lengths == 1) & (first == ord("\r")))
    quotes = np.flatnonzero(data == ord(quote))
    is_inside = np.searchsorted(quotes, starts) % 2 == 1
    return np.flatnonzero(~is_blank & ~is_inside) + 1
