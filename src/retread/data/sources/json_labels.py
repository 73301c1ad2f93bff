"""A source: a folder of images with labels in a JSON file.

The file lists the images in `annotation.data`, each with `FilePath` and `label_value`.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from retread.core import InvalidInput, NotFound
from retread.data.image_manifest import ImageManifest, read_manifest
from retread.data.images import ImageFile, gather_files
from retread.data.source import SourceExamples, SourceRequest

DESCRIPTION = "a folder of images with a JSON label file (--labels FILE.json)"


class _Example(msgspec.Struct):
    FilePath: str
    label_value: str | int | bool


class _Annotation(msgspec.Struct):
    data: list[_Example]


class _Document(msgspec.Struct):
    annotation: _Annotation


def accepts(request: SourceRequest) -> bool:
    """Return whether the source is a folder whose labels are in a JSON file."""
    return request.source.is_dir() and request.labels.lower().endswith(".json")


def gather(request: SourceRequest) -> SourceExamples:
    """Read the images that the label file lists.

    Paths in the label file are relative to the folder. `manifest.csv` in it may give groups and
    timestamps.

    Raises:
        InvalidInput: The label file is not valid, or the manifest does not fit.
        NotFound: There is no label file, or an image that it lists does not exist.
    """
    root = request.source.resolve()
    path = _label_file(root, request.labels)
    examples = _read(path)
    labels: dict[str, str] = {}
    for example in examples:
        name, label = example.FilePath, str(example.label_value)
        if labels.setdefault(name, label) != label:
            raise InvalidInput(
                f"{path.name} gives {name} two labels, {labels[name]!r} and {label!r}.",
                "Remove one of them.",
            )
    manifest = read_manifest(root, request.settings)
    files = [_file(root, path, manifest, *item) for item in sorted(labels.items())]
    manifest.check(files)
    return gather_files(files, request, {}, ())


def _label_file(root: Path, labels: str) -> Path:
    for path in (root / labels, Path(labels)):
        if path.is_file():
            return path
    raise NotFound(
        f"There is no label file {labels}, neither in {root} nor in the current directory.",
        "Check --labels.",
    )


def _read(path: Path) -> list[_Example]:
    try:
        examples = msgspec.json.decode(path.read_bytes(), type=_Document).annotation.data
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            f"{path} is not a label file: {error}.",
            'Expected: {"annotation": {"data": [{"FilePath": "a.jpg", "label_value": "good"}]}}.',
        ) from error
    if not examples:
        raise InvalidInput(f"{path} lists no files.", "Add entries to annotation.data.")
    return examples


def _file(root: Path, labels: Path, manifest: ImageManifest, name: str, label: str) -> ImageFile:
    if not label.strip():
        raise InvalidInput(f"{labels} gives no label for {name}.", "Fill in label_value.")
    try:
        path = (root / name).resolve()
        inside = path.is_relative_to(root)
        status = path.stat() if inside and path.is_file() else None
    except (ValueError, OSError) as error:
        raise InvalidInput(
            f"{labels} lists {name!r}, which is not a valid path: {error}."
        ) from error
    if not inside:
        raise InvalidInput(
            f"{labels} lists {name!r}, which is outside {root}.", "Use paths inside the folder."
        )
    if status is None:
        raise NotFound(
            f"{labels} lists {name!r}, which is not in {root}.",
            "Add the file, or remove the entry.",
        )
    group, timestamp = manifest.entry(name, path.name)
    return ImageFile(
        path=str(path), name=name, label=label, status=status, group=group, timestamp=timestamp
    )
