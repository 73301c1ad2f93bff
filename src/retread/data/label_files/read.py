"""Read a label file of any form and encoding."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

from retread.core import InvalidInput
from retread.data.label_files.entry import (
    FILE_KEYS,
    LABEL_KEYS,
    LabelEntry,
    Labels,
    UnusableLabels,
    entry,
    entry_of,
    key_among,
)
from retread.data.label_files.json_forms import labels_of_json
from retread.data.label_files.xml_forms import labels_of_xml
from retread.data.label_files.yolo import is_yolo, yolo
from retread.data.splits import split_of_word

_JSON = (".json", ".jsonl", ".ndjson")
_TABLES = (".csv", ".tsv", ".txt")
_XML = (".xml",)
_YAML = (".yaml", ".yml")
SUFFIXES = (*_JSON, *_TABLES, *_XML, *_YAML)
"""The suffixes of label files."""

_VIA = "region_attributes"
_SEPARATORS = "\t;,|"
_PATH = re.compile(r".*\.[A-Za-z][A-Za-z0-9]{1,4}$")
_ONE_HOT = {"0": False, "0.0": False, "": False, "1": True, "1.0": True}
_FORMS = (
    'Expected: {"a.jpg": "good", "b.jpg": "bad"}, a list of objects with file and label, a CSV '
    'file with the columns file and label, COCO, or {"annotation": {"data": [{"FilePath": "a.jpg", '
    '"label_value": "good"}]}}.'
)


def read_label_file(path: Path) -> Labels:
    """Read a label file: JSON, JSON lines, or a table with a file and a label in each row.

    Raises:
        InvalidInput: It has none of the known forms, lists no files, or gives an image no label or
            several; the message names the form that was recognised.
    """
    try:
        text = decode_text(path.read_bytes())
        labels = _read(text, path)
    except UnusableLabels as error:
        raise InvalidInput(f"{path} cannot be used. {error.message}", error.hint) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not a label file: {error}.", _FORMS) from error
    if labels is None:
        raise InvalidInput(f"{path} is not a label file: its form is not known.", _FORMS)
    if not labels.entries:
        form = f"{labels.form[0].lower()}{labels.form[1:]}"
        raise InvalidInput(f"{path}, {form}, lists no files with labels.", _FORMS)
    return labels


def decode_text(content: bytes) -> str:
    """Return the text of a file in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises:
        ValueError: It is in another encoding.

    >>> decode_text("\\ufeffa".encode("utf-16-le")), decode_text(b'{"a": 1}')
    ('a', '{"a": 1}')
    """
    try:
        # The rule of JSON (RFC 4627, section 3) holds for all texts that begin with ASCII.
        return content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as error:
        raise ValueError(
            f"byte {error.start + 1} is neither UTF-8 nor UTF-16; save it as UTF-8"
        ) from error


def _read(text: str, path: Path) -> Labels | None:
    suffix = path.suffix.lower()
    if suffix in _YAML or is_yolo(text):
        raise yolo(path.name)
    if suffix in _XML:
        return labels_of_xml(text)
    return _read_json(text) if suffix in _JSON else _read_table(text)


def _read_json(text: str) -> Labels | None:
    try:
        document = _loads(text)
    except json.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not lines[0].rstrip().endswith("}"):
            raise
        document = [_loads(line) for line in lines]
    return labels_of_json(document)


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found and found[key] != value:
            raise UnusableLabels(
                "JSON",
                f"key {key!r} has two values, {found[key]!r} and {value!r}.",
                "Remove one of them.",
            )
        found[key] = value
    return found


def _read_table(text: str) -> Labels | None:
    rows = [
        (number, [cell.strip() for cell in cells])
        for number, cells in enumerate(_cells(text), start=1)
        if any(cell.strip() for cell in cells)
    ]
    if not rows:
        return None
    header, first = rows[0][1], rows[0]
    form = "A table of files and labels"
    if len(header) == 2 and _PATH.match(header[0]) and not key_among(header, LABEL_KEYS):
        return Labels(form, tuple(_pair(form, *row) for row in rows))
    _check_width(form, rows)
    if _VIA in header:
        return _via(header, rows[1:])
    if len(header) == 3 and split_of_word(header[0]) and _PATH.match(header[1]):
        return Labels(form, tuple(_with_split(form, *row) for row in rows))
    body = rows[1:]
    path, label = key_among(header, FILE_KEYS), key_among(header, LABEL_KEYS)
    if path is None and len(header) == 2 and body and _PATH.match(body[0][1][0]):
        return Labels(form, tuple(_pair(form, *row) for row in body))
    if path is not None and label is None:
        one_hot = _one_hot(header, path, body)
        if one_hot is not None:
            return one_hot
    if not body:
        raise UnusableLabels(form, f"row {first[0]} is its only row.", "Add rows below it.")
    named = [entry_of(form, dict(zip(header, cells, strict=True)), f"row {n}") for n, cells in body]
    return Labels(form, tuple(named))


def _cells(text: str) -> list[list[str]]:
    line = next((line for line in text.splitlines() if line.strip()), "")
    separator = next((s for s in _SEPARATORS if s in line), None)
    if separator is None:
        return [line.rsplit(maxsplit=1) for line in text.splitlines()]
    return list(csv.reader(text.splitlines(), delimiter=separator, skipinitialspace=True))


def _pair(form: str, number: int, cells: list[str]) -> LabelEntry:
    if len(cells) != 2:
        raise UnusableLabels(
            form, f"row {number} has {len(cells)} cells, {cells}.", "Write a file and its label."
        )
    return entry(form, cells[0], cells[1], f"row {number}")


def _with_split(form: str, number: int, cells: list[str]) -> LabelEntry:
    return entry(form, cells[1], cells[2], f"row {number}", cells[0])


def _via(header: list[str], rows: list[tuple[int, list[str]]]) -> Labels | None:
    """Read a table of VIA: a row per region, with attributes as JSON."""
    images: dict[str, dict[str, Any]] = {}
    for number, cells in rows:
        row = dict(zip(header, cells, strict=True))
        image = images.setdefault(row["filename"], {"filename": row["filename"], "regions": []})
        try:
            image["file_attributes"] = json.loads(row["file_attributes"])
            attributes = json.loads(row[_VIA])
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"row {number} of a VIA table has other attributes: {error}"
            ) from error
        image["regions"].append({"region_attributes": attributes})
    return labels_of_json(images)


def _check_width(form: str, rows: list[tuple[int, list[str]]]) -> None:
    header = rows[0][1]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise UnusableLabels(form, f"it has two columns {twice!r}.", "Rename one of them.")
    width = len(header)
    for number, cells in rows:
        if len(cells) != width:
            raise UnusableLabels(
                form,
                f"row {number} has {len(cells)} cells, but the first has {width}.",
                "Give each row the same number of cells; put texts with separators into quotes.",
            )


def _one_hot(header: list[str], path: str, body: list[tuple[int, list[str]]]) -> Labels | None:
    """Read a table with a column per label, which holds 1 in the rows of its images."""
    form = "A table with a column per label"
    at = header.index(path)
    names = [name for i, name in enumerate(header) if i != at]
    marks = [(n, row[at], [c for i, c in enumerate(row) if i != at]) for n, row in body]
    if len(names) < 2 or any(cell not in _ONE_HOT for _, _, cells in marks for cell in cells):
        return None
    entries = []
    for number, image, cells in marks:
        labels = [name for name, cell in zip(names, cells, strict=True) if _ONE_HOT[cell]]
        entries.append(entry(form, image, labels, f"row {number}"))
    return Labels(form, tuple(entries))
