"""A source: a folder with one folder of images per label."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from retread.core import InvalidInput
from retread.data.image_manifest import ImageManifest, read_manifest
from retread.data.images import SUFFIXES, ImageFile, gather_files
from retread.data.source import SourceExamples, SourceRequest

DESCRIPTION = "a folder with one folder of images per label (--labels folder)"


def accepts(request: SourceRequest) -> bool:
    """Return whether the source is a folder whose labels are folder names."""
    return request.source.is_dir() and request.labels == "folder"


def gather(request: SourceRequest) -> SourceExamples:
    """Read the images of class folders.

    Labels are the names of the folders. `manifest.csv` in the source may give groups and
    timestamps.

    Raises:
        InvalidInput: A folder has no images, links point outside the source, or the manifest does
            not fit.
    """
    root = request.source.resolve()
    manifest = read_manifest(root, request.settings)
    folders = [f for f in sorted(root.iterdir()) if f.is_dir() and not f.name.startswith(".")]
    labelled = {folder.name: list(_labelled(root, folder, manifest)) for folder in folders}
    files = [file for label_files in labelled.values() for file in label_files]
    if not files:
        raise InvalidInput(
            f"{request.source} contains no images in class folders.",
            f"Put {', '.join(SUFFIXES)} files into one folder per label, such as good/ and "
            "defective/.",
        )
    empty = [label for label, label_files in labelled.items() if not label_files]
    if empty:
        raise InvalidInput(
            f"Label folder {request.source / empty[0]} contains no images.",
            f"Add {', '.join(SUFFIXES)} files to it, or remove it.",
        )
    manifest.check(files)
    return gather_files(files, request)


def _labelled(root: Path, folder: Path, manifest: ImageManifest) -> Iterator[ImageFile]:
    if folder.is_symlink():
        _check_inside(root, folder)
    prefix = len(str(root)) + 1
    for entry in _images(root, str(folder)):
        name = entry.path[prefix:]
        group, timestamp = manifest.entry(name, entry.name)
        yield ImageFile(
            path=entry.path,
            name=name,
            label=folder.name,
            status=entry.stat(),
            group=group,
            timestamp=timestamp,
        )


def _images(root: Path, folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            _check_inside(root, Path(entry.path))
        if entry.is_dir():
            # A link to a folder could lead to an endless loop.
            if not entry.is_symlink():
                yield from _images(root, entry.path)
        elif entry.name.lower().endswith(SUFFIXES):
            # Reading a pipe would block forever.
            if not entry.is_file():
                raise InvalidInput(
                    f"{entry.path} is not a regular file, or is a broken link.", "Remove it."
                )
            yield entry


def _check_inside(root: Path, link: Path) -> None:
    if not link.resolve().is_relative_to(root):
        raise InvalidInput(
            f"{link} is a link to a target outside {root}.", "Copy the target into the folder."
        )
