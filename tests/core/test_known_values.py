"""Categories and labels in other spellings."""

from __future__ import annotations

import pytest

from retread.core.column_rules import ColumnRules, UnreadableValue, ValueKind, read_value
from retread.core.known_values import KnownValues, category_rules

CATEGORY = category_rules("x")
BOOLEAN = ColumnRules(name="x", kind=ValueKind.BOOLEAN)


@pytest.mark.parametrize("value", ["True", "TRUE", "true", "yes", "1", " t ", True, 1, 1.0])
def test_e01_every_spelling_of_true_is_one_value(value: object) -> None:
    assert KnownValues(BOOLEAN, ["false", "true"]).read(value) == "true"


@pytest.mark.parametrize(
    ("known", "value", "category"),
    [
        (["1", "2"], 1, "1"),
        (["1", "2"], 1.0, "1"),
        (["1", "2"], "1.0", "1"),
        (["1.0", "2.0"], 1, "1.0"),
        (["0.50", "2"], 0.5, "0.50"),
        (["1", "1.0"], 1.0, "1"),
        (["1", "1.0"], "1.0", "1.0"),
        (["01", "1"], "01", "01"),
        (["01", "1"], 1, "1"),
        (["01", "2"], 1, "1"),
        (["1E5", "10E4"], 100000, "100000"),
        (["9007199254740993", "2"], 9007199254740992, "9007199254740992"),
        (["True", "False"], True, "True"),
        (["True", "False"], "false", "False"),
        (["café"], "café", "café"),
        (["bad"], " bad​ ", "bad"),
    ],
)
def test_e12_e32_a_value_is_the_known_one_of_the_same_number(
    known: list[str], value: object, category: str
) -> None:
    values = KnownValues(CATEGORY, known)
    assert values.read(value) == category
    assert values.is_known(category) == (category in known)


def test_without_known_values_none_is_unknown() -> None:
    values = KnownValues(CATEGORY, None)
    assert values.read(1.0) == "1"
    assert values.is_known("anything")


def test_a_missing_value_is_none_and_no_scalar_is_refused() -> None:
    values = KnownValues(CATEGORY, ["a"])
    assert [values.read(v) for v in (None, float("nan"), "", "NA")] == [None] * 4
    with pytest.raises(UnreadableValue, match="is not a text"):
        values.read({"a": 1})


@pytest.mark.parametrize("value", [-999, -999.0, "-999", " -999 "])
def test_e14_a_number_that_stands_for_missing_is_missing_in_every_form(value: object) -> None:
    rules = ColumnRules(name="x", kind=ValueKind.NUMBER, missing=("", "-999"))
    assert read_value(rules, value) is None
    assert read_value(rules, -998) == -998.0
