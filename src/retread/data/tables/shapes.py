"""Recognise by their shape what texts hold: addresses, paths, JSON, several numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NEARLY_ALL = 0.9
_FEW = 20
_SAMPLE = 1000
_LONGEST = 1000
# A comma between two digits is one of the separators: each text matches in one way only.
_NUMBER = r"[+-]?\d+(?:\.\d+)?"


@dataclass(frozen=True, slots=True)
class Shape:
    """What texts hold.

    Attributes:
        name: In words, in the plural.
        pattern: What each of them matches.
        cure: How to make features of them; empty for names of things, which may be categories.
    """

    name: str
    pattern: re.Pattern[str]
    cure: str = ""


_COLUMNS = 'write each value into a column of its own, or say "category" in [data.columns]'
_SHAPES = (
    Shape("e-mail addresses", re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")),
    Shape("UUIDs", re.compile(r"(?i)\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?")),
    Shape("web addresses", re.compile(r"(?i)(https?|ftp|s3|gs)://\S+|www\.\S+")),
    Shape("IP addresses", re.compile(r"\d{1,3}(\.\d{1,3}){3}(:\d+)?")),
    Shape(
        "paths",
        re.compile(
            r"(?=.*[A-Za-z])([A-Za-z]:)?([\\/]+|[^\\/|<>]+[\\/])([^\\/|<>]+[\\/])+[^\\/|<>]+"
        ),
    ),
    Shape("JSON", re.compile(r"(?s)\{\s*(\".*)?\}|\[\s*([{\[\"].*)?\]"), _COLUMNS),
    Shape(
        "durations",
        re.compile(r"\d+:[0-5]\d(:[0-5]\d([.,]\d+)?)?"),
        "write them as numbers of seconds",
    ),
    Shape(
        "several numbers",
        re.compile(rf"[(\[]?\s*{_NUMBER}(\s*[,;xX\u00d7/|\u2013-]\s*{_NUMBER})+\s*[)\]]?"),
        _COLUMNS,
    ),
)


def shape_of(texts: Sequence[str]) -> Shape | None:
    """Return what nearly all of many distinct texts hold; None if nothing is recognised.

    >>> [shape_of([f"{i}{end}" for i in range(40)]).name for end in ("@a.com", ":30", "x20")]
    ['e-mail addresses', 'durations', 'several numbers']
    >>> shape_of([f"A{i}" for i in range(40)])
    """
    if len(texts) < _FEW:
        return None
    sample = texts[:: len(texts) // _SAMPLE + 1]
    short = [text for text in sample if len(text) <= _LONGEST]
    for shape in _SHAPES:
        if sum(map(bool, map(shape.pattern.fullmatch, short))) >= _NEARLY_ALL * len(sample):
            return shape
    return None
