"""Whole columns are read as single values are."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retread.core import InvalidInput
from retread.core.column_rules import ColumnRules, UnreadableValue, ValueKind, read_value
from retread.data.tables import read_cells

NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.floats(-1e5, 1e5).map(lambda x: f"{x:,.2f}"),
    st.floats(-1e5, 1e5).map(lambda x: f"{x:,.3f}".translate(str.maketrans(",.", ".,"))),
)
WORDS = st.sampled_from(
    ["", " ", "NA", "nan", "inf", "?", "-", "+", ".", ",", "1e", "1_0", "1e400", "0x10", "1 234",
     "\u22125", "1'000", "12 kg", "5%", "True", "no", "\u200b7", "caf\u0065\u0301", "\uff11\uff12",
     "1.2.3", "1.234.5", "01", "+1"]
)  # fmt: skip
CELLS = st.lists(
    st.one_of(st.none(), NUMBERS, WORDS, NUMBERS.map(lambda t: f" {t}\u00a0"), st.text(max_size=6)),
    max_size=12,
)
RULES = st.builds(
    ColumnRules,
    name=st.just("x"),
    kind=st.sampled_from(list(ValueKind)),
    missing=st.sampled_from([("", "NA", "nan"), ("",), ("", "?", "-")]),
    decimal=st.just("."),
    thousands=st.just(""),
)
CONVENTIONS = [(".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", "'")]


@pytest.mark.slow
@pytest.mark.parametrize("convention", CONVENTIONS)
@settings(max_examples=120, deadline=None)
@given(
    unit=st.sampled_from(["", "%", "$", "kg", "m2", "Fr.", "e", "\u20ac"]),
    rules=RULES,
    cells=CELLS,
    carried=st.lists(st.sampled_from(["{0}{1}", "{0} {1}", "-{0}{1}", "{1}{0}", "{1}\u00a0{0}",
                                      "{0}{1}{0}", "{0} -{1}"]), max_size=12),
)  # fmt: skip
def test_e14_columns_and_single_values_are_read_alike(
    convention: tuple[str, str],
    unit: str,
    rules: ColumnRules,
    cells: list[str | None],
    carried: list[str],
) -> None:
    written = [form.format(unit, c or 5) for form, c in zip(carried, cells, strict=False)]
    cells = [*cells, *written]
    rules = ColumnRules(
        name="x",
        kind=rules.kind,
        missing=rules.missing,
        decimal=convention[0],
        thousands=convention[1],
        unit=unit,
    )
    middle = len(cells) // 2
    chunks = [pa.array(cells[:middle], pa.string()), pa.array(cells[middle:], pa.string())]
    assert_alike(rules, pa.chunked_array(chunks), cells)


@pytest.mark.parametrize("kind", list(ValueKind))
@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, None, 0], pa.int8()),
        pa.array([2**62 + 1, 5], pa.int64()),
        pa.array([0.5, math.nan, math.inf, -0.0, 1e300]),
        pa.array([0.5, None], pa.float16()),
        pa.array([True, None, False]),
        pa.array(["a", "1", "1", None]).dictionary_encode(),
        pa.array(["1.5", " x "], pa.large_string()),
        pa.array(["1.5", "x"], pa.string_view()),
        pa.array([b"1.5", b"x"]),
        pa.array([None, None]),
    ],
    ids=lambda values: str(values.type),
)
def test_every_type_of_arrow_is_read_as_its_values_are(kind: ValueKind, values: pa.Array) -> None:
    cells = [v.decode() if isinstance(v, bytes) else v for v in values.to_pylist()]
    assert_alike(ColumnRules(name="x", kind=kind), pa.chunked_array([values]), cells)


def test_decimals_and_durations_are_numbers() -> None:
    rules = ColumnRules(name="x", kind=ValueKind.NUMBER)
    prices = pa.array([Decimal("1.50"), None], pa.decimal128(10, 2))
    times = pa.array([timedelta(minutes=2), None], pa.duration("ms"))
    assert read_cells(rules, pa.chunked_array([prices])).values.to_pylist() == [1.5, None]
    assert read_cells(rules, pa.chunked_array([times])).values.to_pylist() == [120.0, None]


FEW = [-999.0, -99.9, -1.0, 0.0, 7.0, 1e300]
TYPES = {pa.int16(): st.sampled_from([-999, -1, 0, 7]), pa.int64(): st.integers(-(10**3), 10**3)}
TYPES |= {pa.float64(): st.sampled_from(FEW) | st.floats()}
TYPES |= {pa.float32(): st.sampled_from([-999.0, -1.0, 0.5]) | st.floats(width=32)}


@pytest.mark.parametrize("kind", list(ValueKind))
@settings(max_examples=60, deadline=None)
@given(
    typed=st.sampled_from(list(TYPES)).flatmap(
        lambda type_: st.tuples(st.just(type_), st.lists(st.none() | TYPES[type_], max_size=12))
    ),
    missing=st.sampled_from([("", "-999"), ("NA", "-999.0", "0"), ("-99,9", "7"), ("?", "-1")]),
    decimal=st.sampled_from(".,"),
)
def test_e14_words_for_missing_that_are_numbers_are_missing_in_typed_columns_too(
    kind: ValueKind,
    typed: tuple[pa.DataType, list[float | None]],
    missing: tuple[str, ...],
    decimal: str,
) -> None:
    rules = ColumnRules(name="x", kind=kind, missing=missing, decimal=decimal)
    values = pa.array(typed[1], typed[0])
    middle = len(values) // 2
    column = pa.chunked_array([values[:middle], values[middle:]])
    assert_alike(rules, column, values.to_pylist())
    numbers = column.filter(pc.equal(column, -999)) if "-999" in missing else column[:0]
    assert read_cells(rules, numbers).values.null_count == len(numbers)


@pytest.mark.parametrize("values", [[[1], [2]], [{"a": 1}]])
def test_values_without_a_single_meaning_are_refused(values: list[object]) -> None:
    rules = ColumnRules(name="tags", kind=ValueKind.CATEGORY)
    with pytest.raises(InvalidInput, match=r"Column 'tags' contains .* cannot be used") as refusal:
        read_cells(rules, pa.chunked_array([pa.array(values)]))
    assert "exclude" in str(refusal.value)


def assert_alike(rules: ColumnRules, values: pa.ChunkedArray, cells: list[Any]) -> None:
    read = read_cells(rules, values)
    expected: list[float | str | None] = []
    unreadable = []
    for position, cell in enumerate(cells):
        try:
            expected.append(read_value(rules, cell))
        except UnreadableValue:
            expected.append(None)
            unreadable.append(position)
    assert read.values.to_pylist() == expected
    assert read.unreadable.tolist() == unreadable
