"""The forms of MLflow's scoring requests, up to the answer of a model of numbers and categories."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.bundles import mixed_bundle

from retread.bundle import LocalBundleStore
from retread.core import InvalidInput
from retread.core.column_rules import ColumnRules, ValueKind
from retread.serving.http.mlflow_body import read_body, tensors_of, tensors_of_csv
from retread.serving.row_reader import RowReader

RULES = (
    ColumnRules(name="day", kind=ValueKind.CATEGORY),
    ColumnRules(name="hours", kind=ValueKind.NUMBER, decimal=","),
)
ROWS: list[dict[str, object]] = [{"day": "sunday", "hours": 1.5}, {"hours": None, "day": None}]
WIDE = [[1, 1.5, "sunday"], [2, None, None]]


@pytest.fixture
def reader(tmp_path: Path) -> RowReader:
    store = LocalBundleStore(tmp_path)
    manifest = store.manifest(mixed_bundle(store))
    return RowReader(replace(manifest, rules=RULES), {"day": ["sunday"]})


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": ROWS},
        {"dataframe_records": [{**row, "id": 7} for row in ROWS]},
        {"instances": ROWS},
        {"inputs": ROWS},
        {"inputs": {"day": ["sunday", None], "hours": [1.5, None]}},
        {"inputs": {"categories": [["sunday"], [None]], "features": [[1.5], [None]]}},
        {"instances": [["sunday", 1.5], [None, None]]},
        {"dataframe_split": {"columns": ["hours", "day"], "data": [["1,5", "sunday"], ["", ""]]}},
        {"dataframe_split": {"columns": ["id", "hours", "day"], "data": WIDE}},
    ],
    ids=str,
)  # fmt: skip
def test_b4_e13_every_form_is_read_by_the_rules(reader: RowReader, body: Any) -> None:
    rows = reader.read(tensors_of(body))
    assert rows.categories == [("sunday",), ("",)]
    assert rows.features.hex() == "0000c03f0000c07f"
    assert rows.unknown == ()


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("day;hours\nsunday;1,5\n;\n", "utf-8"),
        ('day,hours\r\nsunday,"1,5"\r\n,NA\r\n', "utf-8"),
        ("\ufeffday\thours\nsunday\t1,5\n\t\n", "utf-8"),
        ('id|"hours"|day\n1|1,5|sunday\n2||null\n', "utf-16"),
        ("été;day;hours\nà;sunday;1,5\nô;;\n", "latin-1"),
    ],
)
def test_d1_csv_is_read_with_its_own_separator(reader: RowReader, text: str, charset: str) -> None:
    tensors = read_body(text.encode(charset), f"text/csv; charset={charset}")
    rows = reader.read(tensors)
    assert rows.categories == [("sunday",), ("",)]
    assert rows.features.hex() == "0000c03f0000c07f"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"day,hours\n", "no rows"),
        (b"", "no rows"),
        (b"day,hours\nsunday,1\nsunday\n", "Row 3 of the CSV has 1 values, its header 2"),
        (b"day,day\n1,2\n", "column 'day' twice"),
        (b"day,hours\n\xe9,1\n", "cannot be read as CSV in utf-8"),
    ],
)
def test_csv_that_is_no_table_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        tensors_of_csv(content)


@pytest.mark.parametrize("charset", ["punycode", "IDNA", "unicode_escape", "hex", "rot13", "a\0b"])
def test_a01_a_charset_that_is_none_of_text_is_refused_at_once(charset: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be read as CSV"):
        tensors_of_csv(b"a" * 300_000 + b"-" + b"b" * 300_000, charset)


@pytest.mark.slow
def test_a03_wide_and_long_bodies_take_time_and_memory_by_their_size() -> None:
    names = [f"c{i}" for i in range(60_000)]
    start = time.thread_time()
    wide = tensors_of({"dataframe_split": {"columns": names, "data": [[1] * len(names)]}})
    assert len(wide) == len(names)
    assert len(tensors_of_csv(f"{','.join(names)}\n{'1,' * 59_999}1\n".encode())) == len(names)
    with pytest.raises(InvalidInput, match="column 'c5' twice"):
        tensors_of_csv(",".join([*names, "c5"]).encode())
    assert time.thread_time() - start < 5.0
    tracemalloc.start()
    long = tensors_of_csv(b"a\n" + b"1\n" * 200_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert long["a"].shape == (200_000,)
    assert peak < 20_000_000
    with pytest.raises(InvalidInput, match="and 59989 more") as raised:
        tensors_of({"dataframe_records": [dict.fromkeys(names), {"a": 1}]})
    assert len(str(raised.value)) < 2_000


def test_e35_records_and_rows_that_do_not_fit_are_named() -> None:
    with pytest.raises(InvalidInput, match="Record 2 has other keys than the first: 'b'"):
        tensors_of({"instances": [{"a": 1, "b": 2}, {"a": 1}]})
    with pytest.raises(InvalidInput, match="Row 2 of dataframe_split"):
        tensors_of({"dataframe_split": {"columns": ["a"], "data": [[1], [1, 2]]}})


def test_a_column_that_is_not_there_is_named(reader: RowReader) -> None:
    with pytest.raises(InvalidInput, match="no tensor 'hours'"):
        reader.read(tensors_of_csv(b"day,hour\nsunday,1\n"))
