"""The forms of label files in JSON: our own, those of annotation tools, and plain ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from retread.data.label_files.entry import LabelEntry, Labels, UnusableLabels, entry, entry_of

_ONE_EACH = "Each image needs one label: list each as in " + '{"a.jpg": "good"}.'
_VALUES = "truth values, numbers and texts"


def labels_of_json(document: Any) -> Labels | None:
    """Return the labels that a JSON document gives; None if its form is not recognised.

    Raises:
        UnusableLabels: Its form is recognised, but it does not give each image one label.
    """
    if isinstance(document, list):
        return _list(document)
    if not isinstance(document, dict):
        return None
    for is_form, read in _FORMS:
        if is_form(document):
            return read(document)
    if len(document) == 1 and isinstance(inner := next(iter(document.values())), list | dict):
        key = next(iter(document))
        is_objects = isinstance(inner, dict) or (inner and isinstance(inner[0], dict))
        if is_objects and not _is_image(key):
            return labels_of_json(inner)
    return _mapping(document)


def _own(document: dict[str, Any]) -> Labels:
    form = "A file of annotation.data"
    data = document["annotation"].get("data")
    if not isinstance(data, list):
        raise UnusableLabels(form, "annotation.data is no list.", _OWN_FORM)
    entries = []
    for number, item in enumerate(data, start=1):
        place = f"entry {number} of annotation.data"
        missing = [
            name
            for name in ("FilePath", "label_value")
            if not isinstance(item, dict) or name not in item
        ]
        if missing:
            raise UnusableLabels(form, f"{place} has no {missing[0]}.", _OWN_FORM)
        entries.append(entry(form, item["FilePath"], item["label_value"], place))
    return Labels(form, tuple(entries))


def _coco(document: dict[str, Any]) -> Labels:
    form = "A COCO file"
    try:
        names = {item["id"]: item["name"] for item in document.get("categories", ())}
        paths = {item["id"]: item["file_name"] for item in document["images"]}
        found: dict[Any, dict[str, None]] = defaultdict(dict)
        for item in document["annotations"]:
            found[item["image_id"]][str(names[item["category_id"]])] = None
    except (KeyError, TypeError) as error:
        raise UnusableLabels(
            form,
            f"it lacks {error} in its images, annotations or categories.",
            "Export it again with images, annotations and categories.",
        ) from error
    for image, categories in found.items():
        if image not in paths:
            raise UnusableLabels(
                form, f"annotations name image {image!r}, which is not among its images.", _ONE_EACH
            )
        _check_one(form, paths[image], list(categories))
    return Labels(
        form,
        tuple(
            entry(form, path, next(iter(found[image])), f"image {image!r}")
            for image, path in paths.items()
            if image in found
        ),
        tuple(str(path) for image, path in paths.items() if image not in found),
    )


def _labelme(document: dict[str, Any]) -> Labels:
    return _one_per_file("A LabelMe file", document.get("imagePath"))


def _via(_document: dict[str, Any]) -> Labels:
    raise UnusableLabels("A VIA (VGG Image Annotator) file", "it marks regions.", _ONE_EACH)


def _one_per_file(form: str, image: object) -> Labels:
    raise UnusableLabels(
        form,
        f"it describes a single image, {image!r}.",
        'Write one file for all images, such as {"a.jpg": "good", "b.jpg": "bad"}, or put the '
        "images into a folder per label.",
    )


def _list(items: list[Any]) -> Labels | None:
    if not items or not all(isinstance(item, dict | list) for item in items):
        return None
    if all(isinstance(item, list) and len(item) == 2 for item in items):
        form = "A list of pairs"
        entries = [
            entry(form, item[0], item[1], f"entry {n}") for n, item in enumerate(items, start=1)
        ]
        return Labels(form, tuple(entries))
    if not all(isinstance(item, dict) for item in items):
        return None
    first = items[0]
    if "data" in first and ("annotations" in first or "completions" in first):
        return _label_studio(items)
    if "annotations" in first and "image" in first:
        form = "A Create ML file"
        return _tool_entries(
            form,
            [(item.get("image"), [a.get("label") for a in item["annotations"]]) for item in items],
        )
    if "shapes" in first and "imagePath" in first:
        form = "A list of LabelMe objects"
        return _tool_entries(
            form,
            [(i.get("imagePath"), [shape.get("label") for shape in i["shapes"]]) for i in items],
        )
    form = "A list of objects"
    return Labels(
        form, tuple(entry_of(form, item, f"entry {n}") for n, item in enumerate(items, start=1))
    )


def _label_studio(items: list[dict[str, Any]]) -> Labels:
    form = "A Label Studio file"
    try:
        pairs = [
            (
                next(iter(item["data"].values())),
                [
                    choice
                    for annotation in item.get("annotations") or item.get("completions") or ()
                    for result in annotation["result"]
                    for choice in next(
                        value for value in result["value"].values() if isinstance(value, list)
                    )
                ],
            )
            for item in items
        ]
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise UnusableLabels(form, f"it lacks {error}.", _ONE_EACH) from error
    return _tool_entries(form, pairs)


def _tool_entries(form: str, pairs: list[tuple[Any, list[Any]]]) -> Labels:
    """Return the labels of images that a tool may have given none or several."""
    entries: list[LabelEntry] = []
    unlabelled: list[str] = []
    for number, (path, labels) in enumerate(pairs, start=1):
        distinct = list(dict.fromkeys(labels))
        if not distinct:
            unlabelled.append(str(path))
            continue
        _check_one(form, path, distinct)
        entries.append(entry(form, path, distinct[0], f"entry {number}"))
    return Labels(form, tuple(entries), tuple(unlabelled))


def _mapping(document: dict[str, Any]) -> Labels | None:
    """Read files by label, or labels by file."""
    if not document:
        return None
    lists = [value for value in document.values() if isinstance(value, list)]
    if len(lists) == len(document) and not any(map(_is_image, document)):
        form = "An object of labels, each with its files"
        return Labels(
            form,
            tuple(
                entry(form, path, label, f"the list of {label!r}")
                for label, paths in document.items()
                for path in paths
            ),
        )
    form = "An object of files, each with its label"
    entries = []
    for path, value in document.items():
        if not isinstance(value, dict):
            entries.append(entry(form, path, value, f"key {path!r}"))
            continue
        entries.append(entry_of(form, {**value, "file": path}, f"key {path!r}"))
    if not any(_is_image(path) for path in document) and not lists:
        known = all(isinstance(value, str | int | float | dict) for value in document.values())
        return Labels(form, tuple(entries)) if known else None
    return Labels(form, tuple(entries))


def _check_one(form: str, path: object, labels: list[Any]) -> None:
    if len(labels) > 1:
        listed = " and ".join(map(repr, labels[:2]))
        raise UnusableLabels(
            form, f"{path} has objects of {len(labels)} labels, such as {listed}.", _ONE_EACH
        )


def _is_image(name: str) -> bool:
    dot = name.rfind(".")
    return dot > 0 and 1 < len(name) - dot <= 6 and name[dot + 1 :].isalnum()


_OWN_FORM = 'Expected: {"annotation": {"data": [{"FilePath": "a.jpg", "label_value": "good"}]}}.'

_Form = tuple[Callable[[Mapping[str, Any]], bool], Callable[[dict[str, Any]], Labels]]
_FORMS: tuple[_Form, ...] = (
    (lambda d: isinstance(d.get("annotation"), dict), _own),
    (lambda d: isinstance(d.get("images"), list) and "annotations" in d, _coco),
    (lambda d: "shapes" in d and "imagePath" in d, _labelme),
    (lambda d: "_via_img_metadata" in d or "_via_settings" in d, _via),
    (
        lambda d: all(isinstance(v, dict) and "regions" in v for v in d.values()) and bool(d),
        _via,
    ),
)
