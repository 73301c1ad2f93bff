"""Read a folder with a label file per image, as LabelMe and Pascal VOC have them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from retread.core import InvalidInput
from retread.data.label_files.entry import LabelEntry, Labels, UnusableLabels
from retread.data.label_files.read import decode_text
from retread.data.label_files.tool_forms import Pair, is_labelme, labelme_pair, labels_of_pairs
from retread.data.label_files.xml_forms import VOC, voc_pair
from retread.data.label_files.yolo import is_yolo, yolo

_LABELME = "A LabelMe file"
_LISTS = ("classes.txt", "labels.txt", "notes.json")
SUFFIXES = (".json", ".xml", ".txt")
"""The suffixes of files that may describe one image each."""


def read_label_folder(folder: Path) -> Labels:
    """Read the labels of images that have a file each.

    Raises:
        InvalidInput: A file is of no known form, or gives its image several labels; or there are
            no such files.
    """
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.is_file() and path.name not in _LISTS
    )
    if not files:
        raise InvalidInput(
            f"{folder} has no files with labels: {', '.join(SUFFIXES)}.",
            "Name a label file, or a folder with a LabelMe or Pascal VOC file for each image.",
        )
    found = [_read(path) for path in files]
    return Labels(
        f"Files of {found[0].form.removeprefix('A ').removesuffix(' file')}, one for each image",
        tuple(entry for labels in found for entry in labels.entries),
        tuple(path for labels in found for path in labels.unlabelled),
    )


def _read(path: Path) -> Labels:
    try:
        form, pair = _pair(decode_text(path.read_bytes()), path)
        labels = labels_of_pairs(form, [pair])
    except UnusableLabels as error:
        raise InvalidInput(f"{path} cannot be used. {error.message}", error.hint) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"{path} is not a label file of one image: {error}.",
            "Expected: a LabelMe or a Pascal VOC file. Take others out of the folder.",
        ) from error
    return replace(labels, entries=tuple(_placed(entry, path) for entry in labels.entries))


def _pair(text: str, path: Path) -> tuple[str, Pair]:
    if path.suffix.lower() == ".txt":
        raise yolo(path.name) if is_yolo(text) else ValueError("its form is not known")
    if path.suffix.lower() == ".xml":
        pair = voc_pair(text)
        if pair is None:
            raise ValueError("its form is not known")
        return VOC, pair
    document = json.loads(text)
    if not isinstance(document, dict) or not is_labelme(document):
        raise ValueError("its form is not known")
    return _LABELME, labelme_pair(document)


def _placed(entry: LabelEntry, path: Path) -> LabelEntry:
    return replace(entry, place=path.name)
