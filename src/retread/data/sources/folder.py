"""A folder with one folder of images for each label."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from retread.core import InvalidInput
from retread.data.gathered import SourceExamples, SourceRequest
from retread.data.image_manifest import ImageManifest, read_manifest
from retread.data.images import SUFFIXES, ImageFile, gather_files

DESCRIPTION = "a folder with one folder of images for each label (--labels folder)"


def accepts(request: SourceRequest) -> bool:
    return request.source.is_dir() and request.labels == "folder"


def gather(request: SourceRequest) -> SourceExamples:
    """Labels are the names of the folders; `manifest.csv` beside them may give group and time."""
    root = request.source.resolve()
    manifest = read_manifest(root, request.settings)
    folders = [f for f in sorted(root.iterdir()) if f.is_dir() and not f.name.startswith(".")]
    labelled = {folder.name: list(_labelled(root, folder, manifest)) for folder in folders}
    files = [file for of_label in labelled.values() for file in of_label]
    if not files:
        raise InvalidInput(
            f"{request.source} holds no images in class folders.",
            f"Put {', '.join(SUFFIXES)} files into one folder for each label, such as good/ and "
            "defective/.",
        )
    empty = [label for label, of_label in labelled.items() if not of_label]
    if empty:
        raise InvalidInput(
            f"{request.source / empty[0]} is a label's folder, but holds no images.",
            f"Put {', '.join(SUFFIXES)} files into it, or take it out.",
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
            # A link to a folder could lead around in circles.
            if not entry.is_symlink():
                yield from _images(root, entry.path)
        elif entry.name.lower().endswith(SUFFIXES):
            # A pipe would be read for ever.
            if not entry.is_file():
                raise InvalidInput(
                    f"{entry.path} is no file, or a link to one that is not there.", "Take it out."
                )
            yield entry


def _check_inside(root: Path, link: Path) -> None:
    if not link.resolve().is_relative_to(root):
        raise InvalidInput(
            f"{link} is a link to something outside {root}.", "Copy it into the folder."
        )
