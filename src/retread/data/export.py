"""Writing a version back to files: class folders, or a table."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pyarrow.csv
import pyarrow.parquet

from retread.core import Conflict, InvalidInput, UnknownOption
from retread.data.images import SUFFIXES, suffix_of
from retread.data.store import GROUP, ID, IMAGE, LABEL, SOURCE, SPLIT, TIMESTAMP, DatasetStore
from retread.data.version import ColumnKind, DatasetVersion

FORMATS = ("csv", "parquet")

_MANIFEST = "manifest.csv"
_IMAGES_A_BATCH = 1000


def export(
    store: DatasetStore,
    version: DatasetVersion,
    folder: Path,
    *,
    table_format: str = "csv",
    label_column: str = "label",
) -> Path:
    """Write a version into a new `folder`, which exists entirely or not at all.

    Images go to LABEL/FILE with a manifest.csv of group, split and time; a table to one file of
    `table_format`. Raises Conflict when the folder is there, InvalidInput for labels that cannot
    name a folder.
    """
    if table_format not in FORMATS:
        raise UnknownOption("format", table_format, FORMATS)
    # `.` has no name beside which the unfinished folder could be.
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} exists and is not empty.", "Name a new folder.")
    images = version.schema.columns[0].kind is ColumnKind.IMAGE

    def write(target: Path) -> None:
        if images:
            _write_images(store, version, target)
        else:
            _write_table(store, version, target, table_format, label_column)

    _entirely(folder, write)
    return folder


def _entirely(folder: Path, write: Callable[[Path], None]) -> None:
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    try:
        write(partial)
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_images(store: DatasetStore, version: DatasetVersion, target: Path) -> None:
    keys = store.read(version, columns=[ID, LABEL, GROUP, SPLIT, SOURCE, TIMESTAMP])
    for label in version.schema.labels:
        (target / _folder_name(label)).mkdir()
    rows = keys.to_pylist()
    files: dict[str, str] = {}
    taken: set[str] = set()
    for start in range(0, len(rows), _IMAGES_A_BATCH):
        some = rows[start : start + _IMAGES_A_BATCH]
        images = store.read(version, columns=[IMAGE], ids=[row[ID] for row in some])
        for row, image in zip(some, images[IMAGE].to_pylist(), strict=True):
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
            when = row[TIMESTAMP].isoformat() if row[TIMESTAMP] else ""
            writer.writerow([files[row[ID]], row[LABEL], row[GROUP], row[SPLIT], when])


def _file_name(source: str, image: bytes) -> str:
    """A name under which the file is found again: neither hidden nor without its suffix."""
    name = PurePosixPath(source.replace("\\", "/")).name.lstrip(".") or "image"
    return name if name.lower().endswith(SUFFIXES) else name + suffix_of(image)


def _folder_name(label: str) -> str:
    if label in {"", ".", ".."} or any(character in label for character in "/\\\0"):
        raise InvalidInput(f"The label {label!r} cannot be the name of a folder.")
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
    # A feature may have the title of another column; then that one keeps its own name.
    titled = [
        old if title in names and old not in names else title
        for old, title in zip(rows.column_names, titled, strict=True)
    ]
    rows = rows.rename_columns(titled)
    path = target / f"{version.dataset}-{version.number}.{table_format}"
    if table_format == "parquet":
        pyarrow.parquet.write_table(rows, path)
    else:
        pyarrow.csv.write_csv(rows, str(path))
