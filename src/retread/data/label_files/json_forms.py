"""The forms of label files in JSON: our own, COCO, and plain ones; `tool_forms` has the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from retread.data.label_files.entry import Labels, UnusableLabels, entry, entry_of
from retread.data.label_files.tool_forms import (
    ONE_EACH,
    check_one,
    labels_of_object,
    labels_of_tool,
)


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
    if (of_tool := labels_of_object(document)) is not None:
        return of_tool
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
                form, f"annotations name image {image!r}, which is not among its images.", ONE_EACH
            )
        check_one(form, paths[image], list(categories))
    return Labels(
        form,
        tuple(
            entry(form, path, next(iter(found[image])), f"image {image!r}")
            for image, path in paths.items()
            if image in found
        ),
        tuple(str(path) for image, path in paths.items() if image not in found),
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
    if (of_tool := labels_of_tool(items)) is not None:
        return of_tool
    form = "A list of objects"
    return Labels(
        form, tuple(entry_of(form, item, f"entry {n}") for n, item in enumerate(items, start=1))
    )


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


def _is_image(name: str) -> bool:
    dot = name.rfind(".")
    return dot > 0 and 1 < len(name) - dot <= 6 and name[dot + 1 :].isalnum()


_OWN_FORM = 'Expected: {"annotation": {"data": [{"FilePath": "a.jpg", "label_value": "good"}]}}.'

_Form = tuple[Callable[[Mapping[str, Any]], bool], Callable[[dict[str, Any]], Labels]]
_FORMS: tuple[_Form, ...] = (
    (lambda d: isinstance(d.get("annotation"), dict), _own),
    (lambda d: isinstance(d.get("images"), list) and "annotations" in d, _coco),
)
