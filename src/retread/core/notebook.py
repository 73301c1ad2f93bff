"""How values show themselves in a notebook: small HTML tables, without styles or scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(caption: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return an HTML table; every text in it is escaped.

    Args:
        caption: Title of the table.
        header: Names of the columns.
        rows: Values in the order of `header`; None shows as an empty cell.

    >>> html_table("Runs", ["run"], [["a<b"]])
    '<table><caption>Runs</caption><thead><tr><th>run</th></tr></thead><tbody><tr><td>a&lt;b</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        f"<tr>{''.join(f'<td>{_text(value)}</td>' for value in row)}</tr>" for row in rows
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _text(value: object) -> str:
    return "" if value is None else escape(str(value))
