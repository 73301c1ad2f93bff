"""A source: a folder with one folder of images per label, perhaps below train, valid and test."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from retread.core import InvalidInput
from retread.core.column_rules import clean_text
from retread.data.image_manifest import ImageManifest, read_manifest
from retread.data.images import (
    SUFFIXES,
    ImageFile,
    ImageWalk,
    gather_files,
    name_below,
    with_copies,
)
from retread.data.label_files import SUFFIXES as LABEL_FILES
from retread.data.source import SourceExamples, SourceRequest
from retread.data.splits import SPLIT_WORDS, split_of_word
from retread.data.version import Split

DESCRIPTION = "a folder with one folder of images per label (--labels folder)"

_EXPECTED = (
    f"Put {', '.join(SUFFIXES)} files into one folder per label, such as good/ and defective/."
)


@dataclass(frozen=True, slots=True)
class LabelFolder:
    """A folder that holds the images of one label; its split is None if no folder names one."""

    path: Path
    label: str
    split: Split | None = None


def accepts(request: SourceRequest) -> bool:
    """Return whether the source is a folder whose labels are folder names."""
    return request.source.is_dir() and request.labels == "folder"


def gather(request: SourceRequest) -> SourceExamples:
    """Read the images of class folders.

    Labels are the names of the folders. Folders named train, valid and test above them, or below
    each of them, give the splits. `manifest.csv` in the source may give groups and timestamps.

    Raises:
        InvalidInput: A folder has no images, links point outside the source, names of splits and
            labels are mixed, or the manifest does not fit.
    """
    walk = _walk_within(request)
    manifest = read_manifest(walk.root, request.settings)
    folders = list(_label_folders(walk, walk.root, None))
    by_folder = {folder: list(_labelled(walk, folder, manifest)) for folder in folders}
    files = [file for found in by_folder.values() for file in found]
    if not files:
        raise InvalidInput(
            f"{request.source} contains no images in class folders.",
            f"{_EXPECTED}{_labels_in(walk.root, request.source.resolve())}",
        )
    counts = Counter(file.label for file in files)
    for folder in folders:
        if not counts[folder.label]:
            raise InvalidInput(
                f"Label folder {folder.path} contains no images.",
                f"Add {', '.join(SUFFIXES)} files to it, or remove it."
                f"{_labels_in(folder.path, request.source.resolve())}",
            )
    manifest.check(files)
    files, told = with_copies(_with_splits_below(files))
    remarks = (*walk.remarks(), *_told_of_splits(files), *_told_of_labels(folders))
    remarks = (*remarks, *_told_of_nesting(folders, walk), *told)
    return gather_files(files, request, walk.left_out, remarks)


def _walk_within(request: SourceRequest) -> ImageWalk:
    """Return a walk through the source, or through the only folder in it that holds all others.

    Not where images are added to a dataset: they may be those of one label.
    """
    walk = ImageWalk(request.source.resolve(), follow_links=request.settings.follow_links)
    while request.columns is None and walk.only_folders(walk.root, at_least=1):
        inner = walk.folders(walk.root)
        if len(inner) > 1 or split_of_word(inner[0].name) or not walk.only_folders(inner[0]):
            break
        walk = ImageWalk(inner[0].resolve(), follow_links=request.settings.follow_links)
    return walk


def _label_folders(walk: ImageWalk, folder: Path, split: Split | None) -> Iterator[LabelFolder]:
    """Find the folders of labels, below folders that are named after splits."""
    folders = walk.folders(folder)
    walk.pass_over_images(folder)
    named = [path for path in folders if split_of_word(path.name)]
    layered = [path for path in named if walk.folders(path)]
    if named and len(named) == len(folders) and (layered or len(named) > 1):
        if len(layered) < len(named):
            flat = next(path for path in named if path not in layered)
            raise InvalidInput(
                f"{flat} is named after a split, and holds no folders of labels.",
                "Put a folder per label into it, such as "
                f"{flat.name}/good and {flat.name}/defective, rename it if it is a label, or "
                "remove it if its images have none.",
            )
        for path in named:
            yield from _label_folders(walk, path, split_of_word(path.name))
    elif layered:
        other = next(path for path in folders if path not in named)
        raise InvalidInput(
            f"{folder} holds folders of splits ({layered[0].name}) beside others ({other.name}).",
            f"Move {other.name} out of it, or remove {layered[0].name}. Words for splits are: "
            f"{', '.join(SPLIT_WORDS)}.",
        )
    else:
        for path in folders:
            yield LabelFolder(path, _label(path), split)


def _labels_in(folder: Path, root: Path) -> str:
    """Return what to do if the files of a folder are the labels of images elsewhere."""
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in LABEL_FILES and p.is_file())
    if not found:
        return ""
    name = (found[0] if len(found) == 1 else folder).relative_to(root).as_posix()
    what = f"{found[0].name} gives" if len(found) == 1 else f"Files like {found[0].name} give"
    return f" If {what} the labels of images: --labels {name}"


def _label(path: Path) -> str:
    try:
        path.name.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"The name of folder {str(path)!r} is no text: it was written in another encoding.",
            "Rename it to its label in UTF-8, for example with convmv.",
        ) from error
    label = clean_text(path.name)
    if not label:
        raise InvalidInput(
            f"The name of folder {str(path)!r} has no visible characters.",
            "Rename it to its label.",
        )
    return label


def _labelled(walk: ImageWalk, folder: LabelFolder, manifest: ImageManifest) -> Iterator[ImageFile]:
    for entry in walk.images(folder.path):
        name = name_below(walk.root, entry.path)
        group, timestamp = manifest.entry(name, name.rpartition("/")[2])
        yield ImageFile(
            path=entry.path,
            name=name,
            label=folder.label,
            status=entry.stat(),
            group=group,
            timestamp=timestamp,
            split=folder.split,
        )


def _with_splits_below(files: list[ImageFile]) -> list[ImageFile]:
    """Take splits from the folders below those of the labels, if all files are in such a folder."""
    if any(file.split for file in files):
        return files
    parts = [file.name.split("/", 2) for file in files]
    splits = [split_of_word(part[1]) if len(part) > 2 else None for part in parts]
    if None in splits or len(set(splits)) < 2:
        return files
    return [replace(file, split=split) for file, split in zip(files, splits, strict=True)]


def _told_of_splits(files: Sequence[ImageFile]) -> tuple[str, ...]:
    counts = Counter(file.split for file in files if file.split)
    if not counts:
        return ()
    listed = ", ".join(f"{split.value} {counts[split]}" for split in Split if counts[split])
    return (f"The folders give the splits: {listed}.",)


def _told_of_labels(folders: Sequence[LabelFolder]) -> tuple[str, ...]:
    spellings: dict[str, set[str]] = defaultdict(set)
    for folder in folders:
        spellings[folder.label].add(folder.path.name)
    return tuple(
        f"{len(names)} folders are read as label {label!r}: their names differ only in spaces, "
        "invisible characters or their Unicode form."
        for label, names in spellings.items()
        if len(names) > 1
    )


def _told_of_nesting(folders: Sequence[LabelFolder], walk: ImageWalk) -> tuple[str, ...]:
    """Say which folder gives the label where every one holds folders of the same names."""
    inner = [{path.name for path in walk.folders(folder.path)} for folder in folders]
    shared = set.intersection(*inner)
    shared = {name for name in shared if not split_of_word(name)}
    if len(folders) < 2 or not shared or not all(walk.only_folders(f.path) for f in folders):
        return ()
    return (
        f"The outer folders give the labels ({folders[0].label}, {folders[1].label}, ...), not "
        f"those in each of them ({', '.join(sorted(shared)[:3])}): put the labels outside.",
    )
