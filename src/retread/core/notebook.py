"""How values show themselves: as text when printed, as an HTML table in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A caption and rows of cells; None is an empty cell.

    >>> table = ShownTable("Runs", ("run", "model"), (("a<b", None), ("c", "forest")))
    >>> print(table.text())
    Runs
      run  model
      a<b
      c    forest
    >>> table.html()[:47]
    '<table><caption>Runs</caption><thead><tr><th>ru'
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]

    def text(self) -> str:
        """Return the table as aligned lines."""
        lines = [self.header, *(tuple(map(_cell, row)) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip_longest(*lines, fillvalue="")]
        body = ("  ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)) for line in lines)
        return "\n".join([self.caption, *(f"  {line}".rstrip() for line in body)])

    def html(self) -> str:
        """Return the table as HTML without styles or scripts; every text in it is escaped."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.header)
        cells = (("".join(f"<td>{escape(_cell(v))}</td>" for v in row)) for row in self.rows)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return (
            f"<table><caption>{escape(self.caption)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )


class ShowsAsTable:
    """Prints as the text of a table, and shows as that table in a notebook."""

    __slots__ = ()

    def as_table(self) -> ShownTable:
        """Return what is shown."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.as_table().text()

    def _repr_html_(self) -> str:
        return self.as_table().html()


def _cell(value: object) -> str:
    return "" if value is None else str(value)
