"""`manifest.csv` of an image folder: which photos belong together, and when they were taken."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from retread.core import InvalidInput
from retread.project.sections import DataSection

_FILE = "file"


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """Group and time by file, under its path in the source or its bare name."""

    entries: dict[str, tuple[str | None, datetime | None]]

    def entry(self, path: str, name: str) -> tuple[str | None, datetime | None]:
        """The group and the time of a file; None where nothing is said."""
        return self.entries.get(path) or self.entries.get(name) or (None, None)


def read_manifest(path: Path, settings: DataSection) -> ImageManifest:
    """The manifest at `path`, empty if there is no file.

    Columns are `file`, and those that `[data] group` and `timestamp` name: without settings,
    `group` and `timestamp` if they are there. A label in it is not used: the folder says it.
    """
    if not path.is_file():
        if settings.group:
            raise InvalidInput(
                f"[data] group is {settings.group!r}, but there is no {path}.",
                "Add manifest.csv with the columns file and "
                f"{settings.group}, or leave out the setting.",
            )
        return ImageManifest({})
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = tuple(reader.fieldnames or ())
            group = _column(path, columns, settings.group, "group")
            timestamp = _column(path, columns, settings.timestamp, "timestamp")
            if _FILE not in columns:
                raise _missing(path, columns, _FILE)
            return ImageManifest({r[_FILE]: _read(path, r, group, timestamp) for r in reader})
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} is not a readable CSV file: {error}.") from error


def _column(path: Path, columns: tuple[str, ...], wanted: str, default: str) -> str | None:
    if wanted and wanted not in columns:
        raise _missing(path, columns, wanted)
    return wanted or (default if default in columns else None)


def _read(
    path: Path, row: dict[str, str], group: str | None, timestamp: str | None
) -> tuple[str | None, datetime | None]:
    when = (row[timestamp] or "") if timestamp else ""
    return ((row[group] or None) if group else None, _parsed(path, row[_FILE], when))


def _parsed(path: Path, file: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"{path}: {text!r} of {file} is not a time.", "Write times like 2020-08-28T11:00:14."
        ) from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _missing(path: Path, columns: tuple[str, ...], wanted: str) -> InvalidInput:
    return InvalidInput(
        f"{path} has no column {wanted!r}.", f"Its columns are: {', '.join(columns) or 'none'}."
    )
