"""What label files say, whatever their form."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retread.core import InvalidInput
from retread.core.column_rules import category_text, clean_text

FILE_KEYS = (
    *("file", "filepath", "filename", "path", "image", "imagepath", "imagename", "imagefile"),
    *("img", "imgpath", "imgname", "photo", "picture", "uri", "url", "imageid", "idcode", "id"),
    "name",
)
"""Names of what holds the path of an image, best first, in lower case and without separators."""
LABEL_KEYS = (
    *("label", "labelvalue", "labelname", "labels", "class", "classname", "classlabel", "category"),
    *("categoryname", "target", "tag", "tags", "choice"),
)
"""Names of what holds its label."""
SPLIT_KEYS = ("split", "subset", "set", "partition", "usage")
"""Names of what may hold its split."""


@dataclass(frozen=True, slots=True)
class LabelEntry:
    """What a label file says of one image.

    Attributes:
        path: The path of the image, as written.
        label: Its label, cleaned.
        place: Where in the file it says so, such as `row 3`.
        split: The split that it gives the image, as written; empty if it gives none.
    """

    path: str
    label: str
    place: str
    split: str = ""


@dataclass(frozen=True, slots=True)
class Labels:
    """The content of a label file.

    Attributes:
        form: The form of the file, as a noun phrase.
        entries: What it says of each image.
        unlabelled: The paths of images that it lists without a label.
    """

    form: str
    entries: tuple[LabelEntry, ...]
    unlabelled: tuple[str, ...] = ()


class UnusableLabels(InvalidInput):
    """A label file whose form was recognised, but which does not give each image one label."""

    def __init__(self, form: str, problem: str, hint: str) -> None:
        super().__init__(f"{form}: {problem}", hint)


def entry(form: str, path: object, label: object, place: str, split: object = "") -> LabelEntry:
    """Return an entry, checked.

    Raises:
        UnusableLabels: The path is no text, or the label is missing or no single value.
    """
    if not isinstance(path, str) or not path.strip():
        raise UnusableLabels(
            form, f"{place} gives {path!r} as the path of an image.", "Write its path as text."
        )
    if isinstance(label, list | tuple) and len(label) == 1:
        label = label[0]
    if label is None or label == [] or (isinstance(label, float) and not math.isfinite(label)):
        label = ""
    if not isinstance(label, str | int | float):
        raise UnusableLabels(
            form,
            f"{place} gives {path} the label {label!r}.",
            "Each image needs one label: a text, a number or a truth value.",
        )
    text = clean_text(category_text(label))
    if not text:
        raise UnusableLabels(
            form, f"{place} gives no label for {path}.", "Fill it in, or remove the entry."
        )
    return LabelEntry(path.strip(), text, place, "" if split is None else str(split).strip())


def key_among(names: Iterable[str], wanted: tuple[str, ...]) -> str | None:
    """Return the first name that is one of those wanted, however it is written; None if none is.

    >>> key_among(["Image Path", "label_value"], LABEL_KEYS)
    'label_value'
    """
    plain = {"".join(c for c in name.lower() if c.isalnum()): name for name in names}
    return next((plain[key] for key in wanted if key in plain), None)


def entry_of(form: str, values: Mapping[str, object], place: str) -> LabelEntry:
    """Return the entry of an object or a row, by the names of its values.

    Raises:
        UnusableLabels: None of the names is one for a path, or for a label.
    """
    path, label = key_among(values, FILE_KEYS), key_among(values, LABEL_KEYS)
    if path is None or label is None:
        missing = f"a path ({', '.join(FILE_KEYS[:5])}, ...)"
        if path is not None:
            missing = f"a label (label, label_value, {', '.join(LABEL_KEYS[4:8])}, ...)"
        raise UnusableLabels(
            form,
            f"{place} has {', '.join(map(repr, values)) or 'nothing'}, and nothing named like "
            f"{missing}.",
            "Name them file and label.",
        )
    split = key_among(values, SPLIT_KEYS)
    return entry(form, values[path], values[label], place, values[split] if split else "")
