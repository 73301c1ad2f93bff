"""Check the arguments that need more than a type: paths and times."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from types import NoneType

from retread.core import InvalidInput, StorageFailed, checked_type
from retread.core.local_time import in_zone


def path_of(name: str, value: str | os.PathLike[str]) -> Path:
    """Return an argument as a path, with `~` expanded.

    Raises:
        InvalidInput: It is no path, or it is empty.
    """
    checked_type(name, value, str, os.PathLike)
    if value == "":
        raise InvalidInput(f"{name} is empty.", "Give a path; '.' is the current folder.")
    try:
        path = Path(value).expanduser()
        if b"\0" in os.fsencode(path):
            raise ValueError("it has a NUL character")
    except (RuntimeError, TypeError, ValueError) as error:
        raise InvalidInput(
            f"{name} is {str(value)!r}, which is not a valid path: {error}.", "Use another path."
        ) from error
    return path


def absolute_time(name: str, value: datetime | None, zone: tzinfo | None) -> datetime | None:
    """Return an argument as a time with a zone: its own, `zone`, or that of the machine.

    Raises:
        InvalidInput: It is no datetime, or no calendar has it in the local zone.
    """
    checked_type(name, value, datetime, NoneType)
    try:
        return None if value is None else in_zone(value, zone)
    except (OverflowError, ValueError) as error:
        raise InvalidInput(
            f"{name} is {value}, which is out of range.",
            "Write it like datetime(2026, 11, 21, 7, 0).",
        ) from error


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn an error of the operating system into StorageFailed, which names the folder.

    Raises:
        StorageFailed: The operating system refused something.
    """
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"{error.filename or folder} cannot be used: {error.strerror or error}.",
            "Check the path and its permissions.",
        ) from error
