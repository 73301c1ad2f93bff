"""Thirty and more small tables of the kinds that people have, each as the bytes of a file."""

from __future__ import annotations

import csv
import gzip
import io
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet

ROWS = 90
_RANDOM = np.random.default_rng(7)
SIZE = [float(v) for v in np.round(_RANDOM.normal(50, 20, ROWS), 2)]
COUNT = [int(v) for v in _RANDOM.integers(0, 40, ROWS)]
CODE = [int(v) for v in _RANDOM.integers(0, 4, ROWS)]
FLAG = [bool(v) for v in _RANDOM.integers(0, 2, ROWS)]
GOOD = [
    (s > 50) ^ (c > 1) ^ f if n % 7 else n % 2 == 0
    for n, (s, c, f) in enumerate(zip(SIZE, CODE, FLAG, strict=True))
]
WEIGHT = [s * 3 + c * 10 + 20 * f for s, c, f in zip(SIZE, CODE, FLAG, strict=True)]

Columns = dict[str, Sequence[Any]]


@dataclass(frozen=True)
class DoorTable:
    """A file with the columns of a model, and a label or a target.

    Attributes:
        charset: The encoding of a text file; "" if the file is no text.
        data: Keys of `[data]`.
    """

    name: str
    file: str
    content: bytes
    charset: str = ""
    label: str = "label"
    regression: bool = False
    data: dict[str, Any] = field(default_factory=dict)


def named(words: Sequence[Any], picks: Sequence[int] = CODE) -> list[Any]:
    return [words[pick] for pick in picks]


def text(number: float, decimal: str = ".", thousands: str = "") -> str:
    written = f"{number:,.2f}" if thousands else f"{number:.2f}"
    return written.replace(",", "T").replace(".", decimal).replace("T", thousands)


def labels(good: str = "good", bad: str = "bad") -> list[str]:
    return [good if one else bad for one in GOOD]


def some(values: Sequence[Any], missing: Sequence[Any]) -> list[Any]:
    """Return the values with every fifth one missing, in one spelling after the other."""
    return [missing[i // 5 % len(missing)] if i % 5 == 3 else v for i, v in enumerate(values)]


def delimited(columns: Columns, separator: str = ",", charset: str = "utf-8") -> bytes:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return written.getvalue().encode(charset)


def a_csv(
    name: str, columns: Columns, separator: str = ",", charset: str = "utf-8", **more: Any
) -> DoorTable:
    content = delimited({**columns, **more.pop("target", {"label": labels()})}, separator, charset)
    file = more.pop("file", f"{name.replace(' ', '-')}.csv")
    return DoorTable(name, file, content, charset, **more)


def a_parquet(name: str, columns: dict[str, pa.Array], **more: Any) -> DoorTable:
    written = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"label": labels(), **columns}), written)
    return DoorTable(name, f"{name.replace(' ', '-')}.parquet", written.getvalue(), **more)


def an_excel(name: str, columns: Columns) -> DoorTable:
    book = openpyxl.Workbook()
    sheet = book.active
    columns = {**columns, "label": labels()}
    sheet.append(list(columns))
    for row in zip(*columns.values(), strict=True):
        sheet.append(list(row))
    written = io.BytesIO()
    book.save(written)
    return DoorTable(name, f"{name}.xlsx", written.getvalue())


def json_lines(name: str, columns: Columns) -> DoorTable:
    columns = {**columns, "label": labels()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return DoorTable(name, f"{name}.jsonl", "\n".join(map(json.dumps, rows)).encode())


COLOURS = ["red", "green", "blue", "teal"]
SIZES = [text(s) for s in SIZE]
COMMAS = [text(s, ",") for s in SIZE]
LARGE = [s * 1000 for s in SIZE]
PLAIN: Columns = {"size": SIZES, "count": COUNT, "colour": named(COLOURS)}
NFD = [unicodedata.normalize("NFD", word) for word in ("각", "낙", "닥", "락")]
STATIONS = [f" {w}​" if i % 2 else f"{w} " for i, w in enumerate(named(["L1", "L2", "M3", "N"]))]
CODES = named(["1E5", "10E4", "2E3", "007"])
QUOTED = named(["a, b", 'say "x"', "two\nlines", "c;d"])
SPELLINGS = [("yes" if f else "no") if i % 2 else ("Y" if f else "N") for i, f in enumerate(FLAG)]
MILLISECONDS = [1_600_000_000_000 + int(s * 1000) for s in SIZE]
MISSING = ["", "NA", "null", "NaN"]

TABLES = [
    a_csv("plain", PLAIN),
    a_csv("numbers only", {"size": SIZES, "count": COUNT, "half": [c / 2 for c in CODE]}),
    a_csv("semicolons and decimal commas", {**PLAIN, "size": COMMAS}, ";"),
    a_csv("tabs", PLAIN, "\t", file="tabs.tsv"),
    a_csv("pipes", PLAIN, "|"),
    a_csv("thousands", {**PLAIN, "size": [text(v, ".", ",") for v in LARGE]}, "\t"),
    a_csv("european thousands", {**PLAIN, "size": [text(v, ",", ".") for v in LARGE]}, ";"),
    a_csv("byte order mark", PLAIN, charset="utf-8-sig"),
    a_csv("utf-16", PLAIN, "\t", charset="utf-16"),
    a_csv("korean", {**PLAIN, "색": named(["빨강", "초록", "파랑", "검정"])}, charset="cp949"),
    a_csv("latin-1", {**PLAIN, "Größe": named(["Stück", "größer", "é", "à"])}, charset="latin-1"),
    DoorTable("gzip", "gzip.csv.gz", gzip.compress(delimited({**PLAIN, "label": labels()}))),
    json_lines("lines", {**PLAIN, "size": some(SIZE, [None]), "flag": FLAG}),
    an_excel("excel", {"size": SIZE, "count": COUNT, "colour": named(COLOURS), "flag": FLAG}),
    a_parquet(
        "typed parquet",
        {
            "size": pa.array(SIZE, pa.float32()),
            "count": pa.array(COUNT, pa.int8()),
            "flag": pa.array(some(FLAG, [None])),
            "colour": pa.array(named(COLOURS)).dictionary_encode(),
        },
    ),
    a_parquet(
        "odd parquet",
        {
            "size": pa.array([Decimal(s) for s in SIZES], pa.decimal128(9, 2)),
            "half": pa.array(np.array(CODE, dtype=np.float16), pa.float16()),
            "colour": pa.array(named(COLOURS), pa.large_string()),
        },
    ),
    a_csv("booleans", {**PLAIN, "flag": FLAG}),
    a_csv("spellings of truth", {**PLAIN, "flag": SPELLINGS}),
    a_csv("booleans with gaps", {**PLAIN, "flag": some([str(f).upper() for f in FLAG], [""])}),
    a_csv("zeros and ones", {**PLAIN, "flag": [int(f) for f in FLAG]}),
    a_csv("leading zeros", {**PLAIN, "zip": named(["01234", "1234", "00001", "99999"])}),
    a_csv("codes like numbers", {**PLAIN, "code": CODES}, target={"label": labels("007", "7")}),
    a_csv("missing", {"size": some(SIZES, MISSING), "colour": some(named(COLOURS), MISSING)}),
    a_csv(
        "a number for missing",
        {**PLAIN, "size": some(SIZES, ["-999", ""])},
        data={"columns": {"size": {"type": "number", "missing": ["", "-999"]}}},
    ),
    a_csv(
        "units",
        {**PLAIN, "size": [f"{s} %" for s in SIZES], "price": [f"${s}" for s in SIZES]},
        data={"columns": {"size": {"unit": "%"}, "price": {"unit": "$"}}},
    ),
    a_csv(
        "a target with a unit",
        {**PLAIN, "flag": FLAG},
        target={"label": [f"{text(w, ',')} \u20ac" for w in WEIGHT]},
        regression=True,
        data={"columns": {"label": {"unit": "\u20ac"}}},
    ),
    a_csv("spaces", {**PLAIN, "station": STATIONS}),
    a_csv("decomposed", {**PLAIN, "각": named(NFD)}),
    a_csv("unicode minus", {**PLAIN, "size": [text(s - 50).replace("-", "\u2212") for s in SIZE]}),
    a_csv("true and false", PLAIN, target={"label": GOOD}),
    a_csv("labels of floats", PLAIN, target={"label": [float(g) for g in GOOD]}),
    a_csv("long labels", PLAIN, target={"label": labels("9007199254740993", "9007199254740992")}),
    a_csv("odd headers", {" size ": SIZES, "the, colour": named(COLOURS), "a'b": COUNT}),
    a_csv("quoted", {**PLAIN, "note": QUOTED}),
    a_csv("regression", {**PLAIN, "flag": FLAG}, target={"label": WEIGHT}, regression=True),
    a_csv(
        "regression with commas",
        {"size": some(COMMAS, MISSING), "colour": named(COLOURS)},
        ";",
        target={"label": [text(w, ",") for w in WEIGHT]},
        regression=True,
    ),
    a_csv("large numbers", {"when": MILLISECONDS, "colour": named(COLOURS)}),
    a_csv(
        "numbers as categories",
        {**PLAIN, "grade": [f"{c}.0" for c in CODE]},
        data={"columns": {"grade": "category"}},
    ),
    a_csv("saved index", {"": range(ROWS), **PLAIN}),
    a_csv("rare", {**PLAIN, "shop": [f"s{i}" if i % 9 == 0 else "usual" for i in range(ROWS)]}),
]
