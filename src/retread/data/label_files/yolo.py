"""Recognise labels of YOLO, which mark regions and are not read."""

from __future__ import annotations

import re

from retread.data.label_files.entry import UnusableLabels

_LINE = re.compile(r"\d+( [0-9.]+){4,}\s*")


def is_yolo(text: str) -> bool:
    """Return whether a text is of YOLO: a number of a class and its box in each line.

    >>> is_yolo("0 0.5 0.5 0.2 0.25"), is_yolo("a.jpg good")
    (True, False)
    """
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and all(_LINE.fullmatch(line) for line in lines)


def yolo(where: str) -> UnusableLabels:
    """Return the refusal of labels of YOLO."""
    return UnusableLabels(
        "A YOLO file",
        f"{where} marks regions by numbers of classes.",
        'Export the labels as COCO, or list each image as in {"a.jpg": "good"}.',
    )
