"""`manifest.csv` of an image folder: which photos belong together, and when they were taken."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from retread.core import InvalidInput
from retread.data.images import ImageFile
from retread.project.settings import DataSection

_NAME = "manifest.csv"
_FILE = "file"
_NAMED = 3

Entry = tuple[str | None, datetime | None]
"""Group and time of a file; None where nothing is said."""


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """Entries by file, under its path in the source or its bare name; `settings` say what each
    file must have."""

    path: Path
    settings: DataSection
    entries: dict[str, Entry]

    def entry(self, path: str, name: str) -> Entry:
        return self.entries.get(path) or self.entries.get(name) or (None, None)

    def check(self, files: Sequence[ImageFile]) -> None:
        """Raises InvalidInput when a file has not what it must have, or no entry is for a file."""
        if self.settings.group:
            self._check_has("group", [f.name for f in files if f.group is None], files)
        if self.settings.timestamp:
            self._check_has("timestamp", [f.name for f in files if f.timestamp is None], files)
        if self.entries and not self.entries.keys() & _names(files):
            raise InvalidInput(
                f"{self.path} is about other images.{self._stray(files)}",
                f"Write paths in the folder under {_FILE!r}, such as {files[0].name}.",
            )

    def _check_has(self, what: str, lacking: list[str], files: Sequence[ImageFile]) -> None:
        if lacking:
            raise InvalidInput(
                f"{self.path} gives no {what}, which [data] {what} asks for, for {len(lacking)} of "
                f"{len(files)} images: {_some(lacking)}.{self._stray(files)}",
                f"Give each image a row, with its path in the folder under {_FILE!r}.",
            )

    def _stray(self, files: Sequence[ImageFile]) -> str:
        stray = sorted(self.entries.keys() - _names(files))
        return f" No image is named by its rows {_some(stray)}." if stray else ""


def read_manifest(folder: Path, settings: DataSection) -> ImageManifest:
    """The manifest in `folder`, empty if there is no file.

    Columns are `file`, and those that `[data] group` and `timestamp` name: without settings,
    `group` and `timestamp` if they are there. A label in it is not used: the source says it.
    """
    path = folder / _NAME
    if not path.is_file():
        for setting, wanted in (("group", settings.group), ("timestamp", settings.timestamp)):
            if wanted:
                raise InvalidInput(
                    f"[data] {setting} is {wanted!r}, but there is no {path}.",
                    f"Add {_NAME} with the columns {_FILE} and {wanted}, or leave out the setting.",
                )
        return ImageManifest(path, settings, {})
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = tuple(reader.fieldnames or ())
            group = _column(path, columns, settings.group, "group")
            timestamp = _column(path, columns, settings.timestamp, "timestamp")
            if _FILE not in columns:
                raise _missing(path, columns, _FILE)
            rows = (row for row in reader if row[_FILE])
            entries = {row[_FILE]: _read(path, row, group, timestamp) for row in rows}
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} is not a readable CSV file: {error}.") from error
    return ImageManifest(path, settings, entries)


def _column(path: Path, columns: tuple[str, ...], wanted: str, default: str) -> str | None:
    if wanted and wanted not in columns:
        raise _missing(path, columns, wanted)
    return wanted or (default if default in columns else None)


def _read(path: Path, row: dict[str, str], group: str | None, timestamp: str | None) -> Entry:
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


def _names(files: Sequence[ImageFile]) -> set[str]:
    return {name for f in files for name in (f.name, f.name.rpartition("/")[2])}


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
