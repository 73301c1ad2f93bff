"""Export a version to files: class folders of images, or a table."""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath

import pyarrow.csv
import pyarrow.parquet

from retread.core import Conflict, InvalidInput, UnknownOption, new_folder
from retread.data.images import SUFFIXES, suffix_of
from retread.data.store import GROUP, ID, IMAGE, LABEL, SOURCE, SPLIT, TIMESTAMP, DatasetStore
from retread.data.version import ColumnKind, DatasetVersion

FORMATS = ("csv", "parquet")

_MANIFEST = "manifest.csv"
_IMAGES_PER_BATCH = 1000


def export(
    store: DatasetStore,
    version: DatasetVersion,
    folder: Path,
    *,
    table_format: str = "csv",
    label_column: str = "label",
) -> Path:
    """Export a version to a new folder, which is created entirely or not at all.

    Images are written to LABEL/FILE, with a manifest.csv of their groups, splits and timestamps; a
    table is written to one file.

    Args:
        store: The store that holds the version.
        version: The version to export.
        folder: The folder to create; it may exist if it is empty.
        table_format: The format of a table: csv or parquet.
        label_column: The name of a table's label column.

    Returns:
        The absolute path of the folder.

    Raises:
        Conflict: The folder exists and is not empty.
        InvalidInput: The format is unknown, or a label cannot be used as a folder name.
    """
    if table_format not in FORMATS:
        raise UnknownOption("format", table_format, FORMATS)
    # `.` has no name to derive that of the temporary folder from.
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} exists and is not empty.", "Choose a new or empty folder.")
    with new_folder(folder) as target:
        if version.schema.columns[0].kind is ColumnKind.IMAGE:
            _write_images(store, version, target)
        else:
            _write_table(store, version, target, table_format, label_column)
    return folder


def _write_images(store: DatasetStore, version: DatasetVersion, target: Path) -> None:
    keys = store.read(version, columns=[ID, LABEL, GROUP, SPLIT, SOURCE, TIMESTAMP])
    for label in version.schema.labels:
        (target / _folder_name(label)).mkdir()
    rows = keys.to_pylist()
    files: dict[str, str] = {}
    taken: set[str] = set()
    for start in range(0, len(rows), _IMAGES_PER_BATCH):
        batch = rows[start : start + _IMAGES_PER_BATCH]
        images = store.read(version, columns=[IMAGE], ids=[row[ID] for row in batch])
        for row, image in zip(batch, images[IMAGE].to_pylist(), strict=True):
            name = _file_name(row[SOURCE], image)
            file = f"{row[LABEL]}/{name}"
            file = file if file not in taken else f"{row[LABEL]}/{row[ID]}-{name}"
            taken.add(file)
            files[row[ID]] = file
            (target / file).write_bytes(image)
    with (target / _MANIFEST).open("w", newline="", encoding="utf-8") as file_:
        writer = csv.writer(file_)
        writer.writerow(["file", "label", "group", "split", "timestamp"])
        for row in rows:
            timestamp = row[TIMESTAMP].isoformat() if row[TIMESTAMP] else ""
            writer.writerow([files[row[ID]], row[LABEL], row[GROUP], row[SPLIT], timestamp])


def _file_name(source: str, image: bytes) -> str:
    """Return a file name that a later import accepts: not hidden, and with an image suffix."""
    name = PurePosixPath(source.replace("\\", "/")).name.lstrip(".") or "image"
    return name if name.lower().endswith(SUFFIXES) else name + suffix_of(image)


def _folder_name(label: str) -> str:
    if label in {"", ".", ".."} or any(character in label for character in "/\\\0"):
        raise InvalidInput(
            f"Label {label!r} cannot be used as a folder name.", "Rename the label in the source."
        )
    return label


def _write_table(
    store: DatasetStore, version: DatasetVersion, target: Path, table_format: str, label: str
) -> None:
    names = [column.name for column in version.schema.columns]
    rows = store.read(version, columns=[*names, LABEL, GROUP, SPLIT, TIMESTAMP])
    titles = {LABEL: label, GROUP: "group", SPLIT: "split", TIMESTAMP: "timestamp"}
    if rows[TIMESTAMP].null_count == rows.num_rows:
        rows = rows.drop_columns([TIMESTAMP])
    titled = [titles.get(name, name) for name in rows.column_names]
    # Where a feature already has this title, the other column keeps its internal name.
    titled = [
        name if title in names and name not in names else title
        for name, title in zip(rows.column_names, titled, strict=True)
    ]
    rows = rows.rename_columns(titled)
    path = target / f"{version.dataset}-{version.number}.{table_format}"
    if table_format == "parquet":
        pyarrow.parquet.write_table(rows, path)
    else:
        pyarrow.csv.write_csv(rows, str(path))
