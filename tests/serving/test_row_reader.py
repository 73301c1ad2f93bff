"""Rows of a table in every form of tensors, read by the rules of the columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from tests.bundles import mixed_bundle

from retread.bundle import LocalBundleStore, Manifest
from retread.core import InvalidInput
from retread.core.column_rules import ColumnRules, ValueKind
from retread.serving.row_reader import RowReader
from retread.serving.rows import Rows
from retread.serving.tensors import Tensor

NUMBER = ColumnRules(name="hours", kind=ValueKind.NUMBER)
DAY = ColumnRules(name="day", kind=ValueKind.CATEGORY)
KNOWN = {"day": ["sunday", "monday", "1", "true", "false"]}


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Return the manifest of a model of the columns `hours` and `day`."""
    store = LocalBundleStore(tmp_path)
    return store.manifest(mixed_bundle(store))


def read(manifest: Manifest, *tensors: Tensor, rules: Sequence[ColumnRules] = ()) -> Rows:
    reader = RowReader(
        replace(manifest, rules=tuple(rules or (DAY, NUMBER))),
        {"day": ["false", "true"]} if rules else KNOWN,
    )
    return reader.read({tensor.name: tensor for tensor in tensors})


def column(name: str, values: list[Any], datatype: str | None) -> Tensor:
    return Tensor(name, datatype, (len(values),), values)


def numbers(rows: Rows) -> list[float | None]:
    values = np.frombuffer(rows.features, dtype=np.float32).tolist()
    return [None if math.isnan(value) else value for value in values]


DAYS = column("day", ["sunday", "monday"], "BYTES")
HOURS = column("hours", [1.5, None], "FP32")


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        ("FP32", [1.5, None]),
        ("FP64", [1.5, None]),
        ("BYTES", ["1.5", ""]),
        ("BYTES", [" 1.5 ", "NA"]),
        ("BYTES", [1.5, None]),
        (None, [1.5, "NaN"]),
        (None, ["1.5", None]),
    ],
)
def test_e13_numbers_in_every_form(manifest: Manifest, datatype: str, values: list[Any]) -> None:
    assert numbers(read(manifest, DAYS, column("hours", values, datatype))) == [1.5, None]


@pytest.mark.parametrize(
    ("datatype", "values", "categories"),
    [
        ("BYTES", ["sunday", None], ["sunday", ""]),
        (None, ["sunday", True], ["sunday", "true"]),
        ("BYTES", [True, 1], ["true", "1"]),
        ("BOOL", [True, 0], ["true", "false"]),
        ("FP32", [1.0, None], ["1", ""]),
        ("INT64", [1, 1], ["1", "1"]),
        (None, [" sunday ", "NA"], ["sunday", ""]),
    ],
)
def test_e12_e13_categories_in_every_form(
    manifest: Manifest, datatype: str, values: list[Any], categories: list[str]
) -> None:
    rows = read(manifest, HOURS, column("day", values, datatype))
    assert [row[0] for row in rows.categories] == categories
    assert rows.unknown == ()


@pytest.mark.parametrize("value", ["True", "TRUE", "true", "yes", "1", True, 1])
def test_e01_booleans_in_every_form(manifest: Manifest, value: object) -> None:
    rules = (ColumnRules(name="day", kind=ValueKind.BOOLEAN), NUMBER)
    for datatype in ("BYTES", None, *(["BOOL"] if value in (True, 1) else [])):
        days = column("day", [value, "false" if datatype != "BOOL" else False], datatype)
        rows = read(manifest, HOURS, days, rules=rules)
        assert rows.categories == [("true",), ("false",)]


def test_e33_unknown_categories_are_marked_by_row_and_column(manifest: Manifest) -> None:
    days = column("day", ["sunday", "mon", None], "BYTES")
    rows = read(manifest, column("hours", [1, 2, 3], "INT32"), days)
    assert rows.unknown == [(), ("day",), ()]


def test_the_rules_of_numbers_hold_in_requests(manifest: Manifest) -> None:
    rules = ColumnRules(
        name="hours", kind=ValueKind.NUMBER, decimal=",", thousands=".", missing=("", "-9", "?")
    )
    flags = column("day", [True, False], "BOOL")
    for values in (["1.234,5", "?"], [1234.5, -9], ["1234,5", -9.0], ["1234,5", "-9"]):
        rows = read(manifest, flags, column("hours", values, None), rules=(DAY, rules))
        assert numbers(rows) == [1234.5, None]


def test_matrices_are_read_by_the_same_rules(manifest: Manifest) -> None:
    features = Tensor("features", "BYTES", (2, 1), [["1.5"], [""]])
    categories = Tensor("categories", "BYTES", (2, 1), [[True], [None]])
    rows = read(manifest, features, categories)
    assert (numbers(rows), rows.categories) == ([1.5, None], [("true",), ("",)])
    untyped = Tensor("features", None, (2, 2), [["sunday", 1.5], [None, "NA"]])
    rows = read(manifest, untyped)
    assert (numbers(rows), rows.categories) == ([1.5, None], [("sunday",), ("",)])


def test_d12_names_of_columns_are_found_in_other_unicode_forms(manifest: Manifest) -> None:
    rows = read(manifest, DAYS, column(" hours ", [1.5, None], "FP32"))
    assert numbers(rows) == [1.5, None]
    for other in (" hours", "hours\u00a0", "hours "):
        with pytest.raises(InvalidInput, match="column 'hours' twice: as 'hours' and as"):
            read(manifest, DAYS, column("hours", [1.5], "FP32"), column(other, [2.5], "FP32"))


@pytest.mark.parametrize(
    ("values", "datatype", "message"),
    [
        (["1", "many"], "BYTES", "Row 2, column 'hours': 'many' is not a finite number"),
        ([1, True], None, "Row 2, column 'hours': True is not a number"),
        ([1, {}], None, "Row 2, column 'hours'"),
        (["1", "1_0"], "BYTES", "Row 2, column 'hours': '1_0'"),
        (["1", "inf"], "BYTES", "Row 2, column 'hours': 'inf' is not a finite number"),
        ([1, 1e39], "FP64", "Row 2, column 'hours': 1e.39 is beyond 32-bit"),
        ([1, "2"], "FP32", "'hours' does not hold numbers: row 2 has '2'"),
    ],
)
def test_e35_what_cannot_be_read_is_named(
    manifest: Manifest, values: list[Any], datatype: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as refusal:
        read(manifest, DAYS, column("hours", values, datatype))
    assert refusal.value.hint


def test_e35_a_category_that_cannot_be_read_is_named(manifest: Manifest) -> None:
    rules = (ColumnRules(name="day", kind=ValueKind.BOOLEAN), NUMBER)
    with pytest.raises(InvalidInput, match="Row 2, column 'day': 'maybe' is neither"):
        read(manifest, HOURS, column("day", ["yes", "maybe"], None), rules=rules)
    with pytest.raises(InvalidInput, match=r"Row 1, column 'day': \[1\] is not a text"):
        read(manifest, HOURS, column("day", [[1], [2]], None))
