"""Column names as Lance can take them: it reads a dot as a path into a struct."""

from __future__ import annotations

from collections.abc import Iterable


def stored_name(name: str) -> str:
    """
    >>> stored_name("sepal.length")
    'sepal%2Elength'
    """
    return name.replace("%", "%25").replace(".", "%2E")


def column_name(stored: str) -> str:
    """
    >>> column_name("sepal%2Elength")
    'sepal.length'
    """
    return stored.replace("%2E", ".").replace("%25", "%")


def quoted(ids: Iterable[str]) -> str:
    """Ids as a list of SQL string literals."""
    return ", ".join("'" + id_.replace("'", "''") + "'" for id_ in ids)
