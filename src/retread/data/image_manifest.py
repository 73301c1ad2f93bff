"""Read `manifest.csv` of an image folder: the groups and timestamps of its images."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from retread.core import InvalidInput
from retread.core.column_rules import listed
from retread.data.images import ImageFile
from retread.data.label_files import decode_text
from retread.project.settings import DataSection

_NAME = "manifest.csv"
_FILE = "file"
_MAX_LISTED = 3

Entry = tuple[str | None, datetime | None]
"""The group and the timestamp of a file; None where the manifest gives none."""


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """The entries of a manifest.

    Attributes:
        path: The manifest file.
        settings: The `[data]` section; it says what each image must have.
        entries: Entries by the image's path in the folder, or its bare file name.
    """

    path: Path
    settings: DataSection
    entries: dict[str, Entry]

    def entry(self, path: str, name: str) -> Entry:
        """Return the entry of an image, by its path in the folder or its bare file name."""
        if not self.entries:
            return (None, None)
        return self.entries.get(_key(path)) or self.entries.get(_key(name)) or (None, None)

    def check(self, files: Sequence[ImageFile]) -> None:
        """Check that the manifest fits the images of the folder.

        Raises:
            InvalidInput: An image lacks a group or timestamp that the settings require, or no
                entry belongs to an image.
        """
        if self.settings.group:
            self._check_present("group", [f.name for f in files if f.group is None], files)
        if self.settings.timestamp:
            self._check_present("timestamp", [f.name for f in files if f.timestamp is None], files)
        if self.entries and not self.entries.keys() & _names(files):
            raise InvalidInput(
                f"{self.path} lists none of the images in the folder.{self._unmatched(files)}",
                f"Write paths relative to the folder in column {_FILE!r}, such as {files[0].name}.",
            )

    def _check_present(self, setting: str, missing: list[str], files: Sequence[ImageFile]) -> None:
        if missing:
            raise InvalidInput(
                f"[data] {setting} is set, but {self.path} gives no {setting} for {len(missing)} "
                f"of {len(files)} images: {_listed(missing)}.{self._unmatched(files)}",
                "Add a row for each image, with its path relative to the folder in column "
                f"{_FILE!r}.",
            )

    def _unmatched(self, files: Sequence[ImageFile]) -> str:
        unmatched = sorted(self.entries.keys() - _names(files))
        return f" Rows without an image: {_listed(unmatched)}." if unmatched else ""


def read_manifest(folder: Path, settings: DataSection) -> ImageManifest:
    """Read the manifest of an image folder; it has no entries if there is no file.

    The columns are `file` and those that `[data] group` and `timestamp` name; without these
    settings, `group` and `timestamp` where they exist. Labels in the manifest are ignored, because
    the source gives them.

    Raises:
        InvalidInput: The manifest cannot be read, or a column that the settings name is missing.
    """
    path = folder / _NAME
    if not path.is_file():
        for setting, column in (("group", settings.group), ("timestamp", settings.timestamp)):
            if column:
                raise InvalidInput(
                    f"[data] {setting} is {column!r}, but there is no {path}.",
                    f"Add {_NAME} with the columns {_FILE} and {column}, or remove the setting.",
                )
        return ImageManifest(path, settings, {})
    try:
        with io.StringIO(decode_text(path.read_bytes()), newline="") as file:
            reader = csv.DictReader(file)
            columns = tuple(reader.fieldnames or ())
            group = _column(path, columns, settings.group, "group")
            timestamp = _column(path, columns, settings.timestamp, "timestamp")
            if _FILE not in columns:
                raise _missing(path, columns, _FILE)
            rows = (row for row in reader if row[_FILE])
            entries = {_key(row[_FILE]): _read(path, row, group, timestamp) for row in rows}
    except (ValueError, csv.Error) as error:
        raise InvalidInput(f"{path} is not a readable CSV file: {error}.") from error
    return ImageManifest(path, settings, entries)


def _column(path: Path, columns: tuple[str, ...], setting: str, default: str) -> str | None:
    if setting and setting not in columns:
        raise _missing(path, columns, setting)
    return setting or (default if default in columns else None)


def _read(path: Path, row: dict[str, str], group: str | None, timestamp: str | None) -> Entry:
    text = (row[timestamp] or "") if timestamp else ""
    return ((row[group] or None) if group else None, _parsed(path, row[_FILE], text))


def _parsed(path: Path, file: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        timestamp = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"{path}: {text!r} of {file} is not a timestamp.",
            "Use ISO 8601, such as 2020-08-28T11:00:14.",
        ) from None
    return timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)


def _missing(path: Path, columns: tuple[str, ...], column: str) -> InvalidInput:
    return InvalidInput(f"{path} has no column {column!r}.", f"Its columns are: {listed(columns)}.")


def _key(path: str) -> str:
    return unicodedata.normalize("NFC", path.replace("\\", "/")).removeprefix("./")


def _names(files: Sequence[ImageFile]) -> set[str]:
    return {name for f in files for name in (f.name, f.name.rpartition("/")[2])}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MAX_LISTED]) + (", ..." if len(names) > _MAX_LISTED else "")
