"""Tables in the notations of other countries and programs, each as the bytes of a file."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa

from .door_tables import (
    CODE,
    COLOURS,
    COUNT,
    FLAG,
    LARGE,
    PLAIN,
    SIZE,
    SIZES,
    Columns,
    DoorTable,
    a_csv,
    a_parquet,
    an_excel,
    delimited,
    json_lines,
    labels,
    named,
    some,
    text,
)

_WIDE = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
_ARABIC = {ord("0") + digit: 0x0660 + digit for digit in range(10)}
_TRUE, _FALSE = ("True", "true", "T", "1"), ("FALSE", "f", "0", "False")
_TRUTH: list[str] = [(_TRUE if flag else _FALSE)[i % 4] for i, flag in enumerate(FLAG)]
_ODD: Columns = {"code": named([1, "a", 2.5, True]), "flag": [f or 0 for f in FLAG]}


def _indian(number: float) -> str:
    whole, _, cents = f"{number:.2f}".partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    head = digits[:-3]
    pairs = [head[max(i - 2, 0) : i] for i in range(len(head), 0, -2)][::-1]
    return f"{sign}{','.join([*pairs, digits[-3:]])}.{cents}"


_CRORES = [_indian(size * 10**5) for size in SIZE]

TABLES_ABROAD = [
    a_csv("apostrophes", {**PLAIN, "size": [text(v, ".", "\u2019") for v in LARGE]}),
    a_csv("narrow spaces", {**PLAIN, "size": [text(v, ",", "\u202f") for v in LARGE]}, ";"),
    a_csv("Indian", {**PLAIN, "size": _CRORES}, target={"label": _CRORES}, regression=True),
    a_csv("full width", {**PLAIN, "size": [s.translate(_WIDE) for s in SIZES]}),
    a_csv("Arabic digits", {**PLAIN, "size": [s.translate(_ARABIC) for s in SIZES]}),
    a_csv("mixed truth", {**PLAIN, "flag": _TRUTH}, target={"label": _TRUTH}),
    a_csv("truth and more", {**PLAIN, "flag": named(["True", "FALSE", "maybe", "?"])}),
    a_csv("directions", {**PLAIN, "city": named(["\u200fa", "b\u202c", "\u2066c", "d"])}),
    a_csv("negative labels", PLAIN, target={"label": labels("-1", "1")}),
    a_csv("utf-32", PLAIN, charset="utf-32"),
    a_csv(
        "no-break spaces by setting",
        {**PLAIN, "size": [text(v, ",", "\xa0") for v in LARGE]},
        ";",
        data={"columns": {"size": {"type": "number", "decimal": ",", "thousands": "\xa0"}}},
    ),
    DoorTable("blank lines", "blank.csv", b"\n\n" + delimited({**PLAIN, "label": labels()})),
    json_lines("odd-lines", {"size": some(SIZE, [float("nan"), None]), "n": COUNT, **_ODD}),
    an_excel("odd-cells", {"size": SIZE, "n": some(COUNT, [None]), **_ODD}),
    a_parquet(
        "wide parquet",
        {
            "size": pa.array([Decimal(s) for s in SIZES], pa.decimal256(50, 2)),
            "large": pa.array([c * 3 for c in COUNT], pa.uint64()),
            "took": pa.array(COUNT, pa.duration("s")),
            "raw": pa.array([word.encode() for word in named(COLOURS)], pa.binary()),
            "code": pa.array(CODE).dictionary_encode(),
            "flag": pa.ExtensionArray.from_storage(pa.bool8(), pa.array(FLAG).cast(pa.int8())),
        },
    ),
]
