"""A source: a folder of images, and a file that gives their labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from retread.core import InvalidInput, NotFound
from retread.data.image_manifest import ImageManifest, read_manifest
from retread.data.images import ImageFile, ImageWalk, gather_files, name_below, with_copies
from retread.data.label_files import (
    SUFFIXES,
    ImageLocator,
    LabelEntry,
    read_label_file,
    read_label_folder,
)
from retread.data.source import SourceExamples, SourceRequest
from retread.data.splits import SPLIT_WORDS, split_of_word
from retread.data.tables import is_table
from retread.data.version import Split

DESCRIPTION = "a folder of images labelled by a file, or by a folder of files (--labels FILE.json)"


def accepts(request: SourceRequest) -> bool:
    """Return whether the source is a folder whose labels are in a file, or in a folder of files."""
    if not request.source.is_dir() or request.labels == "folder":
        return False
    is_folder = any(path.is_dir() for path in _places(request.source, request.labels))
    # A folder may be a table too, and then --labels is one of its columns.
    return request.labels.lower().endswith(SUFFIXES) or (is_folder and not is_table(request.source))


def gather(request: SourceRequest) -> SourceExamples:
    """Read the images that the label file lists.

    Paths in the label file are relative to the folder or to the label file. It may give splits,
    too; if it does not, folders named train, valid and test do. `manifest.csv` in the folder may
    give groups and timestamps.

    Raises:
        InvalidInput: The label file is not valid, or the manifest does not fit.
        NotFound: There is no label file, or an image that it lists does not exist.
    """
    root = request.source.resolve()
    path = _label_file(root, request.labels)
    labels = read_label_folder(path) if path.is_dir() else read_label_file(path)
    locator = ImageLocator(root, path, request.settings.follow_links)
    entries: dict[str, LabelEntry] = {}
    for entry in labels.entries:
        name = locator.find(entry.path, entry.place)
        other = entries.setdefault(name, entry)
        if other.label != entry.label:
            raise InvalidInput(
                f"{path} gives {name} two labels, {other.label!r} ({other.place}) and "
                f"{entry.label!r} ({entry.place}).",
                "Remove one of them.",
            )
    manifest = read_manifest(root, request.settings)
    splits = _splits(path, entries)
    named = sorted(entries.items())
    files = [_file(root, name, entry, manifest, splits.get(name)) for name, entry in named]
    manifest.check(files)
    files, told = with_copies(files)
    remarks = [f"{path.name}: {labels.form[0].lower()}{labels.form[1:]}, {len(entries)} images."]
    if unlabelled := sorted({*labels.unlabelled, *_unlisted(root, files)}):
        remarks.append(
            f"Left out: {len(unlabelled)} images to which {path.name} gives no label, such as "
            f"{unlabelled[0]}."
        )
    return gather_files(files, request, {}, (*remarks, *locator.remarks(), *told))


def _unlisted(root: Path, files: Sequence[ImageFile]) -> set[str]:
    """Return the images of the source that are not among files."""
    walk = ImageWalk(root, follow_links=True)
    return {name_below(root, one.path) for one in walk.images(root)} - {one.name for one in files}


def _label_file(root: Path, labels: str) -> Path:
    for path in _places(root, labels):
        if path.exists():
            return path.absolute()
    raise NotFound(
        f"There is no label file {labels}, neither in {root} nor in the current directory.",
        "Check --labels.",
    )


def _places(root: Path, labels: str) -> tuple[Path, Path]:
    return root / labels, Path(labels)


def _splits(path: Path, entries: dict[str, LabelEntry]) -> dict[str, Split]:
    """Return the splits that the label file gives, otherwise those that folders give."""
    if any(entry.split for entry in entries.values()):
        found = {name: split_of_word(entry.split) for name, entry in entries.items() if entry.split}
        unknown = next((name for name, split in found.items() if split is None), None)
        if unknown is not None:
            raise InvalidInput(
                f"{path}, {entries[unknown].place}: {unknown} is given the split "
                f"{entries[unknown].split!r}.",
                f"Use one of: {', '.join(SPLIT_WORDS)}.",
            )
    else:
        parts = {name: PurePosixPath(name).parts for name in entries}
        found = {
            name: split_of_word(part[0]) if len(part) > 1 else None for name, part in parts.items()
        }
        if None in found.values() or len(set(found.values())) < 2:
            return {}
    return {name: split for name, split in found.items() if split is not None}


def _file(
    root: Path, name: str, entry: LabelEntry, manifest: ImageManifest, split: Split | None
) -> ImageFile:
    path = root / name
    name = name_below(root, str(path))
    group, timestamp = manifest.entry(name, path.name)
    return ImageFile(
        path=str(path),
        name=name,
        label=entry.label,
        status=path.stat(),
        group=group,
        timestamp=timestamp,
        split=split,
    )
