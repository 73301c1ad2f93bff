"""Lists that fit: on a terminal within its width, elsewhere complete and plain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions
from rich.text import Text

_GAP = 2
_NARROWEST = 24
"""Width in characters that a wrapped column keeps; before it gets less, others are dropped."""


@dataclass(frozen=True, slots=True)
class ListingColumn:
    """A column of a list.

    Attributes:
        name: Its heading.
        drop: Order in which columns are left out on a narrow terminal, the highest first; 0 stays.
        wrap: Whether its text may go on in the next line.
    """

    name: str
    drop: int = 0
    wrap: bool = False


class Listing:
    """A heading and rows in aligned columns. No cell is ever cut off.

    On a terminal that is too narrow, columns are left out and the last text is wrapped. Elsewhere,
    as in a pipe, each row is one line with every column.

    Args:
        title: Printed above; empty for none.
        *columns: The columns; a name alone is a column that always stays.
    """

    def __init__(self, title: str, *columns: ListingColumn | str) -> None:
        self._title = title
        self._columns = [ListingColumn(c) if isinstance(c, str) else c for c in columns]
        self._rows: list[tuple[Text, ...]] = []

    def add(self, *cells: str | Text, style: str = "") -> None:
        """Add a row with one cell per column."""
        self._rows.append(tuple(c if isinstance(c, Text) else Text(c, style=style) for c in cells))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        width = options.max_width if console.is_terminal else None
        kept = self._kept(width)
        widths = self._widths(kept, width)
        if self._title:
            yield Text(self._title, style="italic")
        heading = tuple(Text(self._columns[i].name, style="bold") for i in kept)
        if any(cell.plain for cell in heading):
            yield _line(heading, widths)
        for row in self._rows:
            cells = [_wrapped(console, row[i], w) for i, w in zip(kept, widths, strict=True)]
            for number in range(max(map(len, cells))):
                parts = tuple(c[number] if number < len(c) else Text() for c in cells)
                yield _line(parts, widths)

    def _kept(self, width: int | None) -> list[int]:
        """Return the positions of the columns that are shown."""
        kept = list(range(len(self._columns)))
        if width is None:
            return kept
        for position in sorted(kept, key=lambda i: -self._columns[i].drop):
            if self._needed(kept) <= width or not self._columns[position].drop:
                break
            kept.remove(position)
        return kept

    def _needed(self, kept: list[int]) -> int:
        widths = [
            min(self._width(i), _NARROWEST) if self._columns[i].wrap else self._width(i)
            for i in kept
        ]
        return sum(widths) + _GAP * (len(kept) - 1)

    def _widths(self, kept: list[int], width: int | None) -> list[int]:
        widths = [self._width(i) for i in kept]
        spare = None if width is None else width - sum(widths) - _GAP * (len(kept) - 1)
        for place, i in enumerate(kept):
            if spare is not None and spare < 0 and self._columns[i].wrap:
                narrower = max(min(widths[place], _NARROWEST), widths[place] + spare)
                spare += widths[place] - narrower
                widths[place] = narrower
        return widths

    def _width(self, position: int) -> int:
        cells = (row[position].cell_len for row in self._rows)
        return max([Text(self._columns[position].name).cell_len, *cells])


def _wrapped(console: Console, cell: Text, width: int) -> list[Text]:
    if cell.cell_len <= width and "\n" not in cell.plain:
        return [cell]
    return list(cell.wrap(console, max(1, width)))


def _line(cells: tuple[Text, ...], widths: list[int]) -> Text:
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        line.append_text(cell)
        line.append(" " * (width - cell.cell_len + _GAP))
    line.rstrip()
    return line
