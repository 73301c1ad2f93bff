"""Column names as Lance can take them.

It reads a dot as a path into a struct and a backtick as a quote, and has columns of its own, such
as `_rowid`.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

_ESCAPES = str.maketrans({"%": "%25", ".": "%2E", "`": "%60"})
_OWN = "_row"


def stored_name(name: str) -> str:
    """
    >>> stored_name("sepal.length"), stored_name("_rowid")
    ('sepal%2Elength', '%5Frowid')
    """
    stored = name.translate(_ESCAPES)
    return "%5F" + stored[1:] if stored.startswith(_OWN) else stored


def column_name(stored: str) -> str:
    """
    >>> column_name("sepal%2Elength")
    'sepal.length'
    """
    return unquote(stored)


def quoted(ids: Iterable[str]) -> str:
    """Ids as a list of SQL string literals."""
    return ", ".join("'" + id_.replace("'", "''") + "'" for id_ in ids)
