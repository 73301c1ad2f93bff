"""Tables in the notations of other countries and programs, each as the bytes of a file."""

from __future__ import annotations

import json
from decimal import Decimal

import pyarrow as pa

from .door_tables import (
    CODE,
    COLOURS,
    COUNT,
    FLAG,
    LARGE,
    PLAIN,
    ROWS,
    SIZE,
    SIZES,
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

WIDE = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
ARABIC = {ord("0") + digit: 0x0660 + digit for digit in range(10)}
BIG = [s * 10**5 for s in SIZE]
TRUTH = [("True", "true", "T", "1")[i % 4] if f else ("FALSE", "f", "0")[i % 3]
         for i, f in enumerate(FLAG)]  # fmt: skip
BLANK_LINES = b"\n\n" + delimited({**PLAIN, "label": labels()})


def indian(number: float) -> str:
    whole, _, cents = f"{number:.2f}".partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    head = digits[:-3]
    pairs = [head[max(i - 2, 0) : i] for i in range(len(head), 0, -2)][::-1]
    return f"{sign}{','.join([*pairs, digits[-3:]])}.{cents}"


TABLES_ABROAD = [
    a_csv("Swiss", {**PLAIN, "size": [text(v, ".", "'") for v in LARGE]}),
    a_csv("curly apostrophes", {**PLAIN, "size": [text(v, ".", "\u2019") for v in LARGE]}),
    a_csv("narrow spaces", {**PLAIN, "size": [text(v, ",", "\u202f") for v in LARGE]}, ";"),
    a_csv("no-break spaces", {**PLAIN, "size": [text(v, ".", "\xa0") for v in LARGE]}),
    a_csv("Indian", {**PLAIN, "size": list(map(indian, BIG))}),
    a_csv("full width", {**PLAIN, "size": [s.translate(WIDE) for s in SIZES]}),
    a_csv("Arabic digits", {**PLAIN, "size": [s.translate(ARABIC) for s in SIZES]}),
    a_csv("exponents", {**PLAIN, "size": [f"{s:.4e}" for s in SIZE]}),
    a_csv("mixed truth", {**PLAIN, "flag": TRUTH}, target={"label": TRUTH}),
    a_csv("truth and more", {**PLAIN, "flag": named(["True", "FALSE", "maybe", "?"])}),
    a_csv("truth and more as labels", PLAIN, target={"label": named(["True", "False", "so"])})
    if False
    else a_csv("on and off", {**PLAIN, "flag": ["on" if f else "off" for f in FLAG]}),
    a_csv("marks of direction", {**PLAIN, "city": named(["\u200fa", "b\u202c", "\u2066c", "d"])}),
    a_csv(
        "emoji",
        {**PLAIN, "mood": named(["🙂", "☹️", "👩‍🔧", "🇰🇷"])},
        target={"label": labels("🙂", "☹️")},
    ),
    a_csv("negative labels", PLAIN, target={"label": labels("-1", "1")}),
    a_csv("spaced labels", PLAIN, target={"label": labels(" good ", "not  good")}),
    a_csv("utf-32", PLAIN, charset="utf-32"),
    a_csv(
        "gb18030",
        {**PLAIN, "结果": named(["合格", "不合格", "返工", "优良"])},
        charset="gb18030",
        data={"encoding": "gb18030"},
    ),
    a_csv("cp932", {**PLAIN, "色": named(["キズ", "汚れ", "ヒビ", "良品"])}, charset="cp932"),
    a_csv("case of headers", {"Size": SIZES, "size": COUNT, "SIZE": named(COLOURS)}),
    a_csv("one column", {"size": SIZES}),
    DoorTable("blank lines", "blank.csv", BLANK_LINES),
    DoorTable(
        "old Mac",
        "mac.csv",
        delimited({**PLAIN, "label": labels()}).replace(b"\r\n", b"\r"),
        "utf-8",
    ),
    DoorTable(
        "NaN in lines",
        "nan.jsonl",
        json_lines("n", {**PLAIN, "size": some(SIZE, [float("nan"), None])}).content,
    ),
    json_lines("mixed lines", {**PLAIN, "code": named([1, "a", 2.5, True])}),
    json_lines("numbers and text", {**PLAIN, "code": named([1, 2, "A3", 10**20])}),
    json_lines(
        "texts of numbers",
        {
            **PLAIN,
            "size": [s if i % 2 else t for i, (s, t) in enumerate(zip(SIZE, SIZES, strict=True))],
        },
    ),
    json_lines(
        "truth and numbers", {**PLAIN, "flag": [f if i % 2 else int(f) for i, f in enumerate(FLAG)]}
    ),
    an_excel(
        "mixed-cells", {"size": SIZE, "code": named([1, "a", 2.5, True]), "n": some(COUNT, [None])}
    ),
    a_parquet(
        "extension parquet",
        {
            "size": pa.array(SIZE),
            "flag": pa.ExtensionArray.from_storage(
                pa.bool8(), pa.array([int(f) for f in FLAG], pa.int8())
            ),
        },
    ),
    a_parquet(
        "wide parquet",
        {
            "size": pa.array([Decimal(s) for s in SIZES], pa.decimal256(50, 2)),
            "big": pa.array([Decimal(c) for c in COUNT], pa.decimal128(38, 0)),
            "un": pa.array([c * 3 for c in COUNT], pa.uint64()),
            "took": pa.array(COUNT, pa.duration("s")),
            "raw": pa.array([w.encode() for w in named(COLOURS)], pa.binary()),
        },
    ),
    a_parquet(
        "dictionary of numbers",
        {"size": pa.array(SIZE), "code": pa.array(CODE).dictionary_encode()},
    ),
    a_csv(
        "floats as categories",
        {**PLAIN, "grade": [f"{c / 2}" for c in CODE]},
        data={"columns": {"grade": "category"}},
    ),
    a_csv(
        "numbers asked as booleans",
        {**PLAIN, "flag": [f"{int(f)}.0" for f in FLAG]},
        data={"columns": {"flag": "boolean"}},
    ),
    a_csv(
        "yes and no as booleans",
        {**PLAIN, "flag": ["Yes" if f else "No" for f in FLAG]},
        data={"columns": {"flag": "boolean"}},
    ),
    a_csv(
        "dash for missing",
        {**PLAIN, "size": some(SIZES, ["-", "n.a."]), "colour": some(named(COLOURS), ["-"])},
        data={"columns": {"size": {"missing": ["-", "n.a."]}, "colour": {"missing": ["-"]}}},
    ),
    a_csv(
        "NA is Namibia",
        {**PLAIN, "land": named(["NA", "KR", "DE", "null"])},
        data={"columns": {"land": {"missing": []}}},
    ),
    a_csv(
        "decimal by setting",
        {**PLAIN, "size": [text(v, ",", ".") for v in LARGE]},
        ";",
        data={"columns": {"size": {"type": "number", "decimal": ",", "thousands": "."}}},
    ),
    a_csv(
        "no-break by setting",
        {**PLAIN, "size": [text(v, ",", "\xa0") for v in LARGE]},
        ";",
        data={"columns": {"size": {"type": "number", "decimal": ",", "thousands": "\xa0"}}},
    ),
    a_csv(
        "target of thousands",
        PLAIN,
        target={"label": [text(v, ".", "'") for v in LARGE]},
        regression=True,
    ),
    a_csv("Indian target", PLAIN, target={"label": list(map(indian, BIG))}, regression=True),
    a_csv(
        "full-width target",
        PLAIN,
        target={"label": [s.translate(WIDE) for s in SIZES]},
        regression=True,
    ),
    a_csv("long text", {**PLAIN, "note": named(["x" * 5000, "y" * 40, "z", "w\tw"])}),
    a_csv("constant", {**PLAIN, "c": ["k"] * ROWS, "one": [1] * ROWS}),
    a_csv(
        "zero and negative zero",
        {"size": [s if i % 3 else "-0.0" for i, s in enumerate(SIZES)], "n": COUNT},
    ),
    a_csv("exact in 64 bits", {"id64": [2**40 + c for c in COUNT], "size": SIZES}),
]
